//! The hash of the kernel and most balancers (Bob Jenkins, lookup3.c).

/// The initial value of the three state words for a hash of `words` words.
#[inline(always)]
const fn start(words: u32, seed: u32) -> u32 {
    0xdead_beef_u32.wrapping_add(words * 4).wrapping_add(seed)
}

/// The hash of three words.
#[inline(always)]
pub(crate) const fn three_words(a: u32, b: u32, c: u32, seed: u32) -> u32 {
    let start = start(3, seed);
    finish(a.wrapping_add(start), b.wrapping_add(start), c.wrapping_add(start))
}

/// The hash of nine words: two addresses of IPv6 and both ports.
#[inline(always)]
pub(crate) const fn nine_words(x: [u32; 4], y: [u32; 4], z: u32, seed: u32) -> u32 {
    let start = start(9, seed);
    let (a, b, c) = mix(x[0].wrapping_add(start), x[1].wrapping_add(start), x[2].wrapping_add(start));
    let (a, b, c) = mix(a.wrapping_add(x[3]), b.wrapping_add(y[0]), c.wrapping_add(y[1]));
    finish(a.wrapping_add(y[2]), b.wrapping_add(y[3]), c.wrapping_add(z))
}

/// `mix` of lookup3.c.
#[inline(always)]
const fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    (a, b, c)
}

/// `final` of lookup3.c.
#[inline(always)]
const fn finish(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}
