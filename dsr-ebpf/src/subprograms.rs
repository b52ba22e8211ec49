//! Subprograms: functions that the verifier checks once, by themselves and with any arguments (the kernel calls them
//! global functions). A function is one where it loops or branches so much that the verifier must not walk it anew for
//! each path to a call, and where its caller has to keep its registers.
//!
//! The kernel lets such a function take the program's context and numbers, and return a number. [`Scalar`] says how a value
//! travels as one, so that bits are packed beside the type that they stand for and callers see values alone. Each
//! subprogram stands in the module that it belongs to: `grep -rn subprogram!` lists them.

use aya_ebpf::bindings::xdp_md;
use dsr_common::service::{ServiceKey, TableRef};

/// Defines a subprogram, exported under its name, and the function of that name that callers see.
macro_rules! subprogram {
    ($(#[$doc:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $result:ty $body:block) => {
        $(#[$doc])*
        #[inline(always)]
        $visibility fn $name($($argument: $type),*) -> $result {
            use $crate::subprograms::Scalar;

            #[allow(unsafe_code)]
            #[unsafe(no_mangle)]
            #[inline(never)]
            extern "C" fn $name($($argument: <$type as Scalar>::Raw),*) -> u64 {
                $(let $argument = <$type as Scalar>::from_scalar($argument);)*
                let result: $result = $body;
                Scalar::scalar(result)
            }

            Scalar::from_scalar($name($(Scalar::scalar($argument)),*))
        }
    };
}

/// A value that a subprogram can take or, as a `u64`, return.
pub(crate) trait Scalar: Sized {
    /// What the kernel sees.
    type Raw;

    /// The value as a scalar.
    fn scalar(self) -> Self::Raw;

    /// The value that [`Scalar::scalar`] made the scalar of.
    fn from_scalar(scalar: Self::Raw) -> Self;
}

impl Scalar for *mut xdp_md {
    type Raw = Self;

    #[inline(always)]
    fn scalar(self) -> Self {
        self
    }

    #[inline(always)]
    fn from_scalar(word: Self) -> Self {
        word
    }
}

/// Types that travel as numbers.
macro_rules! scalars {
    ($($type:ty: |$value:ident| $to:expr, |$scalar:ident| $from:expr;)+) => {$(
        impl Scalar for $type {
            type Raw = u64;

            #[inline(always)]
            fn scalar(self) -> u64 {
                let $value = self;
                $to
            }

            #[inline(always)]
            fn from_scalar($scalar: u64) -> Self {
                $from
            }
        }
    )+};
}

scalars! {
    (): |_nothing| 0, |_word| ();
    u64: |number| number, |word| word;
    u32: |number| u64::from(number), |word| word as u32;
    u8: |number| u64::from(number), |word| word as u8;
    ServiceKey: |key| u64::from(key.0), |word| Self(word as u32);
    TableRef: |table| table.0, |word| Self(word);
    // No row of a table has so high a number.
    Option<u32>: |row| row.map_or(u64::MAX, u64::from), |word| if word == u64::MAX { None } else { Some(word as u32) };
}
