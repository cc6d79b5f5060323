//! Colours with a meaning, the same on the board, in plots and in exports: those of Okabe and Ito
//! ("Color universal design", 2008), which colour-blind people can tell apart.

/// Right, solved: bluish green.
pub const RIGHT: [u8; 3] = [0x00, 0x9E, 0x73];
/// Wrong, lost: vermilion.
pub const WRONG: [u8; 3] = [0xD5, 0x5E, 0x00];
/// The one accent: blue.
pub const ACCENT: [u8; 3] = [0x00, 0x72, 0xB2];
/// Entropy: purple, the dark end of one sequential map.
pub const ENTROPY: [u8; 3] = [0x8A, 0x4F, 0x9E];
/// Given digits, axes and text: ink.
pub const INK: [u8; 3] = [0x22, 0x22, 0x22];
/// Grid lines, the border at the trained T.
pub const FAINT: [u8; 3] = [0x8A, 0x8A, 0x8A];

/// For several lines in one plot that mean nothing else, in this order and then again.
pub const SEVERAL: [[u8; 3]; 6] = [
    ACCENT,
    [0xE6, 0x9F, 0x00], // orange
    RIGHT,
    [0xCC, 0x79, 0xA7], // reddish purple
    [0x56, 0xB4, 0xE9], // sky blue
    WRONG,
];
