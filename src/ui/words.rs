//! Numbers as people read them: thousands separated, units, whole words.

/// 1240 → "1,240".
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A share as whole percent: 0.834 → "83 %".
#[must_use]
pub fn percent(share: f32) -> String {
    format!("{:.0} %", (share * 100.0).clamp(0.0, 100.0))
}

/// Three significant digits, small numbers as powers of ten: 0.000123 → "1.23e-4".
#[must_use]
pub fn figure(x: f64) -> String {
    if !x.is_finite() {
        "not a number".into()
    } else if x == 0.0 {
        "0".into()
    } else if x.abs() < 1000.0 && x.fract() == 0.0 {
        format!("{x:.0}")
    } else if x.abs() >= 1000.0 {
        let sign = if x < 0.0 { "-" } else { "" };
        format!("{sign}{}", thousands(x.abs().round() as u64))
    } else if x.abs() < 0.001 {
        format!("{x:.2e}")
    } else {
        let decimals = (2 - x.abs().log10().floor() as i32).clamp(0, 5) as usize;
        format!("{x:.decimals$}")
    }
}

/// Seconds as a clock: 41 → "0:41", 3700 → "1:01:40".
#[must_use]
pub fn clock(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".into();
    }
    let s = seconds.round() as u64;
    if s >= 3600 {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02}", s / 60, s % 60)
    }
}

/// "1 cell", "2 cells".
#[must_use]
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n as u64), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(percent(0.834), "83 %");
        assert_eq!(figure(0.0123), "0.0123");
        assert_eq!(figure(12.345), "12.3");
        assert_eq!(figure(8.0), "8");
        assert_eq!(figure(6800.4), "6,800");
        assert_eq!(figure(1.5e-5), "1.50e-5");
        assert_eq!(figure(f64::NAN), "not a number");
        assert_eq!(clock(41.2), "0:41");
        assert_eq!(clock(3700.0), "1:01:40");
        assert_eq!(count(1, "cell", "cells"), "1 cell");
    }
}
