//! Archives made and decoded piece by piece, and what a monitor is shown of the predictions.

use std::ops::ControlFlow;
use std::sync::Arc;

use lockstep::asynchronous::{Decoder, Encoder};
use lockstep::{ArchiveError, Error, Level, Monitor, Options, Prediction, Prior, Progress};

fn encoded(data: &[u8], piece: usize, options: &Options) -> Vec<u8> {
    pollster::block_on(async {
        let (mut encoder, mut archive) = (Encoder::new(options).unwrap(), Vec::new());
        for piece in data.chunks(piece) {
            encoder.write(piece, &mut archive, &mut ()).await.unwrap();
        }
        encoder.finish(&mut archive, &mut ()).await.unwrap();
        archive
    })
}

/// Returns what was decoded, and the error that ended it.
fn decoded(archive: &[u8], piece: usize, options: &Options) -> (Vec<u8>, Option<Error>) {
    pollster::block_on(async {
        let (mut decoder, mut content) = (Decoder::new(options), Vec::new());
        for piece in archive.chunks(piece) {
            if let Err(error) = decoder.write(piece, &mut content, &mut ()).await {
                return (content, Some(error));
            }
        }
        let result = decoder.finish(&mut content, &mut ()).await;
        (content, result.err())
    })
}

/// Text, a run of one byte and noise, so that there are blocks of all kinds.
fn sample() -> Vec<u8> {
    let mut data = b"One sheep, two sheep, three sheep. ".repeat(90);
    data.resize(data.len() + 9000, 0);
    let mut state = 1u32;
    data.extend((0..9000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    data
}

fn fastest() -> Options {
    Options::new().level(Level::FASTEST).block_size(4000)
}

#[test]
fn pieces_of_any_size_make_the_same_archive_and_the_same_content() {
    let data = sample();
    for options in [fastest(), fastest().frame_size(9500)] {
        let mut whole = Vec::new();
        lockstep::compress_stream(&data[..], &mut whole, &options, &mut ()).unwrap();
        for piece in [1, 7, 3999, 4000, 4001, 50_000] {
            assert!(encoded(&data, piece, &options) == whole, "pieces of {piece} bytes");
            let (content, error) = decoded(&whole, piece, &options);
            assert!(error.is_none() && content == data, "pieces of {piece} bytes");
        }
    }
}

#[test]
fn an_empty_input_makes_an_empty_archive() {
    let archive = encoded(&[], 1, &fastest());
    assert_eq!(archive, lockstep::compress_with(&[], &fastest()).unwrap());
    assert!(matches!(decoded(&archive, 1, &fastest()), (content, None) if content.is_empty()));
}

#[test]
fn blocks_are_decoded_when_they_have_arrived() {
    let data = sample();
    let archive = encoded(&data, 4000, &fastest());
    pollster::block_on(async {
        let (mut decoder, mut content, mut lengths) = (Decoder::new(&fastest()), Vec::new(), Vec::new());
        for byte in archive.chunks(1) {
            decoder.write(byte, &mut content, &mut ()).await.unwrap();
            lengths.push(content.len());
        }
        assert!(content == data, "all content is there before the end of the archive is announced");
        lengths.dedup();
        assert!(lengths.len() > 5, "{lengths:?}");
    });
}

#[test]
fn blocks_of_much_code_come_in_small_pieces_too() {
    let mut data = sample();
    data.extend_from_within(data.len() - 9000..);
    let mut state = 9u32;
    data.extend((0..300_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    let options = fastest().block_size(1 << 20);
    let archive = encoded(&data, 70_000, &options);
    assert!(archive.len() > 300_000);
    for piece in [500, 30_000, 200_000] {
        let (content, error) = decoded(&archive, piece, &options);
        assert!(error.is_none() && content == data, "pieces of {piece} bytes");
    }
    let (content, error) = decoded(&archive[..archive.len() - 90_000], 500, &options);
    assert!(matches!(error, Some(Error::Archive(ArchiveError::Truncated))) && data.starts_with(&content));
}

#[test]
fn archives_with_priors_and_recovery_data_come_in_pieces_too() {
    let samples: Vec<String> = (0..30).map(|i| format!("{{\"sheep\": {i}, \"state\": \"asleep\"}}\n")).collect();
    let prior = Arc::new(Prior::train(&samples, &fastest(), &mut |_| ()).unwrap());
    let options = fastest().prior(prior).embed_prior(true);
    let data = samples.concat().into_bytes();
    let mut archive = Vec::new();
    lockstep::compress_stream(&data[..], &mut archive, &options, &mut ()).unwrap();
    assert!(encoded(&data, 5, &options) == archive);
    lockstep::recovery::protect(std::io::Cursor::new(archive.clone()), &mut archive, 5).unwrap();
    for piece in [1, 1000] {
        let (content, error) = decoded(&archive, piece, &fastest());
        assert!(error.is_none() && content == data, "pieces of {piece} bytes");
    }
}

#[test]
fn what_is_cut_off_damaged_or_foreign_ends_with_the_right_error() {
    let data = sample();
    let archive = encoded(&data, 4000, &fastest());
    for len in (1..archive.len()).step_by(97) {
        let (content, error) = decoded(&archive[..len], 50, &fastest());
        assert!(data.starts_with(&content));
        let expected = lockstep::decompress(&archive[..len], u64::MAX).unwrap_err();
        assert_eq!(error.unwrap().to_string(), expected.to_string(), "cut to {len} bytes");
    }
    let (_, error) = decoded(b"PK\x03\x04, which is not ours", 3, &fastest());
    assert!(matches!(error, Some(Error::Archive(ArchiveError::NotAnArchive))));
    let mut damaged = archive.clone();
    damaged[60] ^= 1;
    let (content, error) = decoded(&damaged, 10, &fastest());
    assert!(error.unwrap().is_corrupt() && content.is_empty());
}

#[test]
fn an_error_ends_an_encoder_and_a_decoder() {
    let cancel = &mut |_: Progress| ControlFlow::Break(());
    pollster::block_on(async {
        let (mut encoder, mut archive) = (Encoder::new(&fastest()).unwrap(), Vec::new());
        let data = b"Black sheep. ".repeat(1000);
        let error = encoder.write(&data, &mut archive, cancel).await.unwrap_err();
        assert!(matches!(error, Error::Cancelled));
        assert!(matches!(encoder.write(&data, &mut archive, &mut ()).await, Err(Error::Output(_))));
        assert!(matches!(encoder.finish(&mut archive, &mut ()).await, Err(Error::Output(_))));

        let archive = encoded(&data, 1000, &fastest());
        let (mut decoder, mut content) = (Decoder::new(&fastest()), Vec::new());
        assert!(matches!(decoder.write(&archive, &mut content, cancel).await, Err(Error::Cancelled)));
        assert!(matches!(decoder.write(&[], &mut content, &mut ()).await, Err(Error::Input(_))));
    });
}

/// Keeps all predictions.
#[derive(Default)]
struct Watcher(Vec<Prediction>);

impl Monitor for Watcher {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn wants_prediction(&mut self) -> bool {
        true
    }

    fn prediction(&mut self, prediction: &Prediction) {
        self.0.push(prediction.clone());
    }
}

#[test]
fn the_costs_that_a_monitor_is_shown_add_up_to_the_code_in_both_directions() {
    let data = b"Counting sheep is said to help; so is counting bits.";
    for level in [1, 3] {
        let options = Options::new().level(level.try_into().unwrap()).transform(Some(lockstep::Transform::None));
        let (mut archive, mut encoder, mut decoder) = (Vec::new(), Watcher::default(), Watcher::default());
        let options = options.length(data.len() as u64);
        lockstep::compress_stream(&data[..], &mut archive, &options, &mut encoder).unwrap();
        lockstep::decompress_stream(&archive[..], Vec::new(), &options, &mut decoder).unwrap();
        assert_eq!(encoder.0, decoder.0);

        let symbols: Vec<u8> = encoder.0.iter().flat_map(|prediction| prediction.symbols.clone()).collect();
        assert_eq!(symbols, data);
        let bits: f32 = encoder.0.iter().flat_map(|prediction| &prediction.costs).sum();
        let archive = lockstep::Archive::open(std::io::Cursor::new(&archive)).unwrap();
        let code = f32::from(u16::try_from(archive.compressed_len()).unwrap()) * 8.0;
        assert!(bits < code && bits > 100.0, "{bits} bits, {code} in the archive");
        for Prediction { network, .. } in &encoder.0 {
            assert_eq!(network.is_some(), level == 3);
            let sum: f32 = network.iter().flatten().sum();
            assert!(network.is_none() || (0.999..1.001).contains(&sum));
        }
    }
}
