//! SHA instructions of x86-64, two messages at a time.
//!
//! Each round of one message waits for the round before; the rounds of a second message fill the
//! time in between. With four messages the registers do not suffice, and it is slower.
//!
//! Invariant: nothing here runs on a processor that lacks the instructions. The one call in
//! [`many`] is all that the compiler cannot check, and the only `unsafe` of the workspace: no
//! pointers, no memory but slices with their bounds.
#![expect(unsafe_code, reason = "the processor is asked at run time; see decision 0021")]
#![expect(clippy::needless_range_loop, reason = "indices known when compiled stay in registers")]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_and_si128, _mm_blend_epi16, _mm_extract_epi64,
    _mm_or_si128, _mm_set_epi32, _mm_set_epi64x, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
    _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};

use crate::constants::{BEGIN, ROUNDS};
use crate::message::{BLOCK_BYTES, Block, Shape, block};

/// Messages at a time.
const STREAMS: usize = 2;

/// The words of the state as the instructions want them: f, e, b, a and h, g, d, c, lowest first.
type State = [__m128i; 2];
/// Sixteen words of a message, in order.
type Words = [__m128i; 4];

/// Hashes the messages, each of `length` bytes. `false`, and nothing done, if the processor lacks the
/// instructions, or for one message alone, which has nobody to share its time with.
pub(crate) fn many(messages: &[u8], length: usize, out: &mut [[u8; 32]]) -> bool {
    if out.len() < STREAMS {
        return false;
    }
    if !(is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("sse4.1")
        && is_x86_feature_detected!("ssse3"))
    {
        return false;
    }
    let (groups, odd) = out.as_chunks_mut::<STREAMS>();
    let (grouped, rest) = messages.split_at(groups.len() * STREAMS * length);
    let (odd, _) = odd.as_chunks_mut::<1>();
    // SAFETY: the processor has all three features that the function enables.
    unsafe {
        hash(grouped, length, groups);
        hash(rest, length, odd);
    }
    true
}

/// Hashes messages of one length, `N` at a time.
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn hash<const N: usize>(messages: &[u8], length: usize, out: &mut [[[u8; 32]; N]]) {
    let shape = Shape::new(length);
    let (mask, padding) = (load(&shape.mask), load(&shape.padding));
    let begin = [
        four([BEGIN[5], BEGIN[4], BEGIN[1], BEGIN[0]]),
        four([BEGIN[7], BEGIN[6], BEGIN[3], BEGIN[2]]),
    ];
    for (group, digests) in out.iter_mut().enumerate() {
        let mut states = [begin; N];
        let mut words = [padding; N];
        for at in 0..shape.full {
            for stream in 0..N {
                let start = (group * N + stream) * length + at * BLOCK_BYTES;
                words[stream] = load(&block(messages, start));
            }
            compress(&mut states, words);
        }
        for stream in 0..N {
            let start = (group * N + stream) * length + shape.full * BLOCK_BYTES;
            words[stream] = end(load(&block(messages, start)), mask, padding);
        }
        compress(&mut states, words);
        if let Some(last) = &shape.last {
            compress(&mut states, [load(last); N]);
        }
        for stream in 0..N {
            digests[stream] = finish(states[stream]);
        }
    }
}

/// One block of each message.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn compress<const N: usize>(states: &mut [State; N], mut words: [Words; N]) {
    let mut now = *states;
    for stream in 0..N {
        for at in 0..4 {
            words[stream][at] = swap(words[stream][at]);
        }
    }
    let [others @ .., last] = &ROUNDS;
    for constants in others {
        let constants = constants.as_chunks::<4>().0;
        for at in 0..4 {
            let constants = four(constants[at]);
            for stream in 0..N {
                rounds(&mut now[stream], _mm_add_epi32(words[stream][at], constants));
                words[stream][at] = next(&words[stream], at);
            }
        }
    }
    let constants = last.as_chunks::<4>().0;
    for at in 0..4 {
        let constants = four(constants[at]);
        for stream in 0..N {
            rounds(&mut now[stream], _mm_add_epi32(words[stream][at], constants));
        }
    }
    for stream in 0..N {
        for half in 0..2 {
            states[stream][half] = _mm_add_epi32(states[stream][half], now[stream][half]);
        }
    }
}

/// Four rounds.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn rounds(state: &mut State, words: __m128i) {
    let high = _mm_shuffle_epi32::<0b00_00_11_10>(words);
    state[1] = _mm_sha256rnds2_epu32(state[1], state[0], words);
    state[0] = _mm_sha256rnds2_epu32(state[0], state[1], high);
}

/// The four words sixteen places behind those at `at`, which the other three parts follow.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn next(words: &Words, at: usize) -> __m128i {
    let (second, third, fourth) = (words[(at + 1) % 4], words[(at + 2) % 4], words[(at + 3) % 4]);
    let seventh_back = _mm_alignr_epi8::<4>(fourth, third);
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(words[at], second), seventh_back);
    _mm_sha256msg2_epu32(sum, fourth)
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn load(block: &Block) -> Words {
    let half = |at: usize| block[at..].first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes));
    [
        _mm_set_epi64x(half(8), half(0)),
        _mm_set_epi64x(half(24), half(16)),
        _mm_set_epi64x(half(40), half(32)),
        _mm_set_epi64x(half(56), half(48)),
    ]
}

/// The block in which a message ends.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn end(mut words: Words, mask: Words, padding: Words) -> Words {
    for at in 0..4 {
        words[at] = _mm_or_si128(_mm_and_si128(words[at], mask[at]), padding[at]);
    }
    words
}

/// From the order of bytes in memory to that of numbers, and back.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn swap(words: __m128i) -> __m128i {
    _mm_shuffle_epi8(words, _mm_set_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203))
}

/// The first word lowest.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn four(words: [u32; 4]) -> __m128i {
    let [first, second, third, fourth] = words.map(u32::cast_signed);
    _mm_set_epi32(fourth, third, second, first)
}

#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn finish(state: State) -> [u8; 32] {
    let abef = _mm_shuffle_epi32::<0b00_01_10_11>(state[0]);
    let ghcd = _mm_shuffle_epi32::<0b10_11_00_01>(state[1]);
    let abcd = swap(_mm_blend_epi16::<0b1111_0000>(abef, ghcd));
    let efgh = swap(_mm_alignr_epi8::<8>(ghcd, abef));
    let mut digest = [0; 32];
    let halves = [
        _mm_extract_epi64::<0>(abcd),
        _mm_extract_epi64::<1>(abcd),
        _mm_extract_epi64::<0>(efgh),
        _mm_extract_epi64::<1>(efgh),
    ];
    for (bytes, half) in digest.as_chunks_mut().0.iter_mut().zip(halves) {
        *bytes = half.to_le_bytes();
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_that_says_so_uses_its_instructions() {
        // Asked in another way than above: by what the kernel lists.
        let Ok(listed) = std::fs::read_to_string("/proc/cpuinfo") else { return };
        let has = |flag: &str| listed.split_ascii_whitespace().any(|word| word == flag);
        let expected = has("sha_ni") && has("sse4_1") && has("ssse3");
        let mut out = [[0; 32]; 3];
        assert_eq!(many(&[7; 30], 10, &mut out), expected);
        let untouched = [[0; 32]; 3];
        assert_eq!(out != untouched, expected);
    }
}
