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

/// Bytes of a sample.
const SAMPLE_BYTES: u32 = 2;

/// A mono WAV file with 16-bit samples (RIFF, PCM).
pub(super) fn wav() -> Vec<u8> {
    let samples = samples();
    let data_bytes = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut file = head(data_bytes).to_vec();
    file.extend_from_slice(&samples);
    file
}

/// The tune without a head.
pub(super) fn samples() -> Vec<u8> {
    MELODY
        .iter()
        .flat_map(|&(pitch, eighths)| note(pitch, eighths))
        .flat_map(i16::to_le_bytes)
        .collect()
}

/// Bytes of so much sound, in whole samples.
pub(super) fn bytes_in(milliseconds: u32) -> usize {
    (RATE_HZ * milliseconds / 1000 * SAMPLE_BYTES) as usize
}

/// The head of a WAV file; the greatest length says that nobody knows it.
pub(super) fn head(data_bytes: u32) -> [u8; 44] {
    let mut head = [0; 44];
    head[..4].copy_from_slice(b"RIFF");
    head[4..8].copy_from_slice(&data_bytes.saturating_add(36).to_le_bytes());
    head[8..16].copy_from_slice(b"WAVEfmt ");
    head[16..20].copy_from_slice(&16_u32.to_le_bytes());
    // PCM, one channel.
    head[20..24].copy_from_slice(&[1, 0, 1, 0]);
    head[24..28].copy_from_slice(&RATE_HZ.to_le_bytes());
    head[28..32].copy_from_slice(&(RATE_HZ * SAMPLE_BYTES).to_le_bytes());
    head[32..36].copy_from_slice(&[2, 0, 16, 0]);
    head[36..40].copy_from_slice(b"data");
    head[40..].copy_from_slice(&data_bytes.to_le_bytes());
    head
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
