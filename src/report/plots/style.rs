//! How all plots look: colours, marks, dashes, sizes.
//!
//! The colours are those of Okabe and Ito, which readers with any of the common colour deficiencies tell apart.
//! Every series has a mark of its own beside its colour, every model a dash, so that a grey print still reads.
//! Sizes are CSS pixels: a figure is 720 wide, two columns of a paper, and no text is below 11.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

pub const BLACK: Colour = Colour(0, 0, 0);
pub const ORANGE: Colour = Colour(0xE6, 0x9F, 0x00);
pub const SKY: Colour = Colour(0x56, 0xB4, 0xE9);
pub const GREEN: Colour = Colour(0x00, 0x9E, 0x73);
pub const YELLOW: Colour = Colour(0xF0, 0xE4, 0x42);
pub const BLUE: Colour = Colour(0x00, 0x72, 0xB2);
pub const VERMILION: Colour = Colour(0xD5, 0x5E, 0x00);
pub const PURPLE: Colour = Colour(0xCC, 0x79, 0xA7);

pub const WHITE: Colour = Colour(0xFF, 0xFF, 0xFF);
pub const INK: Colour = Colour(0x1A, 0x1A, 0x1A);
pub const FAINT: Colour = Colour(0x59, 0x59, 0x59);
pub const AXIS: Colour = Colour(0x4D, 0x4D, 0x4D);
pub const GRID: Colour = Colour(0xE3, 0xE3, 0xE3);
pub const GREY: Colour = Colour(0x99, 0x99, 0x99);
/// Of fault lines, and of nothing else, so that a test can count them.
pub const FAULT: Colour = Colour(0x33, 0x22, 0x44);

/// By the order of the series. Yellow is no line on white: grey stands for it.
pub const SERIES: [(Colour, Mark); 8] = [
    (BLUE, Mark::Circle),
    (VERMILION, Mark::Square),
    (GREEN, Mark::Triangle),
    (ORANGE, Mark::Diamond),
    (PURPLE, Mark::Down),
    (SKY, Mark::Cross),
    (BLACK, Mark::Plus),
    (GREY, Mark::Bar),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Circle,
    Square,
    Triangle,
    Diamond,
    Down,
    Cross,
    Plus,
    Bar,
}

/// Lengths of stroke and gap, in turn; none for a whole line.
pub type Dash = &'static [f64];
pub const SOLID: Dash = &[];
pub const DASHED: Dash = &[6.0, 4.0];
pub const DOTTED: Dash = &[1.5, 3.0];

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    pub colour: Colour,
    pub width: f64,
    pub opacity: f64,
    pub dash: Dash,
}

impl Stroke {
    #[must_use]
    pub fn of(colour: Colour, width: f64) -> Self {
        Self { colour, width, opacity: 1.0, dash: SOLID }
    }

    #[must_use]
    pub fn dashed(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }

    #[must_use]
    pub fn faded(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }
}

pub const WIDTH: f64 = 720.0;
pub const TITLE_PX: f64 = 15.0;
pub const TEXT_PX: f64 = 12.0;
pub const SMALL_PX: f64 = 11.0;

/// Left of the first axis: the tick labels and the turned name of the axis.
pub const LEFT: f64 = 78.0;
/// Right of the last tick, so that half of its label has room.
pub const RIGHT: f64 = 24.0;
/// Below an axis with labels and a name.
pub const BOTTOM: f64 = 48.0;
