//! A decoder's step on the CPU engine allocates no memory.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use lockstep::internals::engine::Engine;
use lockstep::internals::model::init::initial_parameters;
use lockstep::internals::model::levels::method_for;
use lockstep::internals::numerics::softmax::SYMBOLS;

/// The result of a future that is ready when first polled.
fn ready<R>(future: impl Future<Output = R>) -> R {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("a future of the CPU engine was not ready"),
    }
}

#[test]
fn a_decoders_step_allocates_nothing() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![0u8; 9])));
    assert_eq!(counted.count_total, 1, "allocations are not counted");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for level in 3..=7 {
        let config = method_for(level, 1000).model;
        let mut engine = Engine::cpu(&config, &initial_parameters(&config));
        ready(engine.start_block()).unwrap();
        let mut weights = vec![0; SYMBOLS];
        let mut step = |step| {
            engine.begin_step(step, 0, &[65]);
            ready(engine.finish_step(step, 0, &mut weights)).unwrap();
        };
        pool.install(|| {
            step(0); // builds tables at their first use
            let steps = allocation_counter::measure(|| (1..config.segment()).for_each(&mut step));
            assert_eq!(steps.count_total, 0, "level {level}: {steps:?}");
        });
    }
}
