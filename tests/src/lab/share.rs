//! Whether counts are what a fair choice gives. Pure.

/// Standard deviations that a count may be away from its mean: chance does so once in two million times.
const SIGMAS: f64 = 5.0;

/// Whether `count` of `all` independent choices is what a choice of this probability gives.
#[must_use]
pub fn is_fair(count: u64, all: u64, probability: f64) -> bool {
    let (count, all) = (count as f64, all as f64);
    let sigma = (all * probability * (1.0 - probability)).sqrt();
    (count - all * probability).abs() <= SIGMAS * sigma
}

#[cfg(test)]
mod tests {
    use super::is_fair;

    #[test]
    fn five_sigma_of_three_thousand_thirds_are_129() {
        assert!(is_fair(1000 + 129, 3000, 1.0 / 3.0) && is_fair(1000 - 129, 3000, 1.0 / 3.0));
        assert!(!is_fair(1000 + 130, 3000, 1.0 / 3.0) && !is_fair(1000 - 130, 3000, 1.0 / 3.0));
        assert!(is_fair(0, 3000, 0.0) && !is_fair(1, 3000, 0.0));
    }
}
