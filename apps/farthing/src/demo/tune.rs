//! The magazine's tune: a short melody, computed once, as a WAV file.

/// Samples a second.
const RATE_HZ: u32 = 16_000;

/// Pitches in hertz and lengths in eighths of an old round.
const MELODY: [(f32, u32); 28] = [
    (261.6, 2),
    (293.7, 2),
    (329.6, 2),
    (261.6, 2),
    (261.6, 2),
    (293.7, 2),
    (329.6, 2),
    (261.6, 2),
    (329.6, 2),
    (349.2, 2),
    (392.0, 4),
    (329.6, 2),
    (349.2, 2),
    (392.0, 4),
    (392.0, 1),
    (440.0, 1),
    (392.0, 1),
    (349.2, 1),
    (329.6, 2),
    (261.6, 2),
    (392.0, 1),
    (440.0, 1),
    (392.0, 1),
    (349.2, 1),
    (329.6, 2),
    (261.6, 2),
    (261.6, 2),
    (196.0, 2),
];

const EIGHTH_MS: u32 = 220;

/// A mono WAV file with 16-bit samples (RIFF, PCM).
pub(super) fn wav() -> Vec<u8> {
    let samples: Vec<i16> =
        MELODY.iter().flat_map(|&(pitch, eighths)| note(pitch, eighths)).collect();
    let data_bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(samples.len() * 2 + 44);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + data_bytes).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&RATE_HZ.to_le_bytes());
    file.extend_from_slice(&(RATE_HZ * 2).to_le_bytes());
    file.extend_from_slice(&2_u16.to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&data_bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

/// A plucked tone: three partials that fade.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "sound, not money"
)]
fn note(pitch_hz: f32, eighths: u32) -> impl Iterator<Item = i16> {
    let count = RATE_HZ * EIGHTH_MS * eighths / 1000;
    (0..count).map(move |index| {
        let seconds = index as f32 / RATE_HZ as f32;
        let phase = std::f32::consts::TAU * pitch_hz * seconds;
        let tone = phase.sin() + 0.4 * (2.0 * phase).sin() + 0.2 * (3.0 * phase).sin();
        let attack = (seconds * 120.0).min(1.0);
        (tone * attack * (-3.0 * seconds).exp() * 9_000.0) as i16
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_file_says_its_own_length() {
        let file = super::wav();
        let data = u32::from_le_bytes(file[40..44].try_into().unwrap());
        assert_eq!(file.len(), 44 + usize::try_from(data).unwrap());
        assert!(file.len() > 256 * 1024, "long enough to be streamed");
    }
}
