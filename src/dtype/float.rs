//! Floats of two bytes, for which stable Rust has no type.

/// The value of an IEEE half-precision float. An `f32` holds each of them exactly.
pub(crate) fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Zero and the subnormal numbers are a multiple of 2^-24, which an `f32` holds exactly.
        0 => {
            let size = fraction as f32 * f32::from_bits(0x3380_0000);
            f32::from_bits(sign | size.to_bits())
        }
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// The value of a bfloat16, which is the upper half of an `f32`.
pub(crate) fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_known() {
        for (bits, value) in [
            (0x0000, 0.0_f32),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
            (0x3555, 0.333_251_95),
        ] {
            assert_eq!(f16_to_f32(bits), value, "{bits:#x}");
        }
        assert!(f16_to_f32(0x8000).is_sign_negative() && f16_to_f32(0x7e01).is_nan());
        assert_eq!(bf16_to_f32(0x3fc0), 1.5);
    }

    #[cfg(feature = "half")]
    #[test]
    fn all_values_are_those_of_the_crate() {
        for bits in 0..=u16::MAX {
            let (own, theirs) = (f16_to_f32(bits), half::f16::from_bits(bits).to_f32());
            assert!(own == theirs || own.is_nan() && theirs.is_nan(), "{bits:#x}");
            let (own, theirs) = (bf16_to_f32(bits), half::bf16::from_bits(bits).to_f32());
            assert!(own == theirs || own.is_nan() && theirs.is_nan(), "{bits:#x}");
        }
    }
}
