//! Colours for numbers: viridis, which is as even to the eye as to a printer in greys.

pub(super) type Rgb = [u8; 3];

/// Every ninth of the scale.
const ANCHORS: [Rgb; 10] = [
    [68, 1, 84],
    [72, 40, 120],
    [62, 74, 137],
    [49, 104, 142],
    [38, 130, 142],
    [31, 158, 137],
    [53, 183, 121],
    [110, 206, 88],
    [181, 222, 43],
    [253, 231, 37],
];

/// NaN and infinity.
pub(super) const ABSENT: Rgb = [214, 39, 40];

/// The colour of a share from 0 to 1.
#[expect(
    clippy::cast_sign_loss,
    reason = "the share is 0 to 1, and colours are between two others"
)]
pub(super) fn of(share: f64) -> Rgb {
    let place = share.clamp(0.0, 1.0) * (ANCHORS.len() - 1) as f64;
    let first = (place as usize).min(ANCHORS.len() - 2);
    let weight = place - first as f64;
    let mixed = |channel: usize| {
        let (from, to) =
            (f64::from(ANCHORS[first][channel]), f64::from(ANCHORS[first + 1][channel]));
        (from + (to - from) * weight).round() as u8
    };
    [mixed(0), mixed(1), mixed(2)]
}

/// The nearest colour of the cube in the palette of 256.
pub(super) fn palette([red, green, blue]: Rgb) -> u8 {
    let level = |channel: u8| match channel {
        0..48 => 0,
        48..115 => 1,
        _ => (channel - 35) / 40,
    };
    16 + 36 * level(red) + 6 * level(green) + level(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_where_viridis_does() {
        assert_eq!((of(0.0), of(1.0), of(7.0)), ([68, 1, 84], [253, 231, 37], [253, 231, 37]));
        assert_eq!(palette([0, 0, 0]), 16);
        assert_eq!(palette([255, 255, 255]), 231);
    }
}
