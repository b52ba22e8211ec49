//! Subprograms: functions that the verifier checks once, on their own and for arbitrary arguments (the kernel calls
//! them global functions). Code that loops or branches a lot is made a subprogram, so that the verifier does not walk
//! it again for each path to a call; so is code whose caller must keep its registers.
//!
//! Such a function may take the program context and integers, and returns an integer. [`Scalar`] defines how a value is
//! passed as one, so that bits are packed next to the type they represent and callers see typed values. Each subprogram
//! is defined in the module it belongs to; `grep -rn subprogram!` lists them.

use aya_ebpf::bindings::xdp_md;
use dsr_common::service::{ServiceKey, TableRef};

/// Defines a subprogram, exported under its name, and the typed function of the same name that callers use.
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

/// Defines how types are passed as integers, see [`Scalar`].
macro_rules! scalars {
    ($($type:ty: |$value:ident| $to:expr, |$scalar:ident| $from:expr;)+) => {$(
        impl $crate::subprograms::Scalar for $type {
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

/// A value that a subprogram can take or, as a `u64`, return.
pub(crate) trait Scalar: Sized {
    /// The type that the kernel sees.
    type Raw;

    /// Converts to a scalar.
    fn scalar(self) -> Self::Raw;

    /// Converts back; the inverse of [`Scalar::scalar`].
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

scalars! {
    (): |_nothing| 0, |_word| ();
    u64: |number| number, |word| word;
    u32: |number| u64::from(number), |word| word as u32;
    u8: |number| u64::from(number), |word| word as u8;
    ServiceKey: |key| u64::from(key.0), |word| Self(word as u32);
    TableRef: |table| table.0, |word| Self(word);
    // No table has a row with this number.
    Option<u32>: |row| row.map_or(u64::MAX, u64::from), |word| if word == u64::MAX { None } else { Some(word as u32) };
}
