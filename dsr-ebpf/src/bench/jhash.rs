//! The hash that the kernel and most balancers use (Bob Jenkins, lookup3.c, `final`).

/// The hash of three words.
#[inline(always)]
pub(crate) const fn three_words(a: u32, b: u32, c: u32, seed: u32) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(12).wrapping_add(seed);
    let (mut a, mut b, mut c) = (a.wrapping_add(start), b.wrapping_add(start), c.wrapping_add(start));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}
