//! Progress, warnings and predictions, told to JavaScript some times a second.

use std::ops::ControlFlow;

use js_sys::{Array, Date, Float32Array, Object, Reflect, Uint8Array};
use lockstep::{Monitor, Prediction, Progress};
use send_wrapper::SendWrapper;
use wasm_bindgen::prelude::*;

use crate::devices;

#[wasm_bindgen]
extern "C" {
    /// An object `{progress(raw, coded), warning(message), prediction(prediction), wantsPredictions}`.
    /// A job is cancelled by ending its worker, which can't be asked anything while it computes.
    #[derive(Clone)]
    pub type Observer;

    #[wasm_bindgen(method)]
    fn progress(this: &Observer, raw: f64, coded: f64);

    #[wasm_bindgen(method)]
    pub fn warning(this: &Observer, message: &str);

    #[wasm_bindgen(method)]
    fn prediction(this: &Observer, prediction: &Object);

    #[wasm_bindgen(method, getter, js_name = wantsPredictions)]
    fn wants_predictions(this: &Observer) -> bool;
}

/// Milliseconds between two reports of progress, and between two predictions.
const PAUSE: [f64; 2] = [100.0, 250.0];

/// The number of likeliest symbols that a prediction names.
const LIKELIEST: usize = 8;

/// A monitor that tells an observer.
pub struct Watch {
    /// WebAssembly without shared memory has one thread, on which all of this stays.
    observer: SendWrapper<Observer>,
    /// When progress, and when a prediction was told last, in milliseconds.
    told: [f64; 2],
    last: Progress,
}

impl Watch {
    /// Returns a monitor for one job.
    pub fn new(observer: &Observer) -> Self {
        Watch { observer: SendWrapper::new(observer.clone()), told: [0.0; 2], last: Progress::default() }
    }

    /// Tells how many bytes training has gone over, counting all passes.
    pub fn trained(&mut self, bytes: u64) {
        // A watch never cancels a job.
        let _ = self.progress(Progress { raw: bytes, coded: 0 });
    }

    /// Tells the last progress, which may have been passed over.
    pub fn finish(&mut self) {
        self.observer.progress(self.last.raw as f64, self.last.coded as f64);
    }

    /// Returns true if it is time to tell progress (0) or a prediction (1) again.
    fn is_due(&mut self, what: usize) -> bool {
        let now = Date::now();
        // The clock may be set back.
        let is_due = !(0.0..PAUSE[what]).contains(&(now - self.told[what]));
        if is_due {
            self.told[what] = now;
        }
        is_due
    }
}

impl Monitor for Watch {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self.last = progress;
        if self.is_due(0) {
            self.finish();
        }
        ControlFlow::Continue(())
    }

    fn warning(&mut self, warning: &lockstep::Warning) {
        devices::forget();
        self.observer.warning(&warning.to_string());
    }

    fn wants_prediction(&mut self) -> bool {
        self.observer.wants_predictions() && self.is_due(1)
    }

    fn prediction(&mut self, prediction: &Prediction) {
        self.observer.prediction(&object(prediction));
    }
}

/// Returns a prediction as `lockstep.d.ts` describes it.
fn object(prediction: &Prediction) -> Object {
    let likeliest = Array::new();
    let mut order: Vec<(usize, f32)> = prediction.network.iter().flatten().copied().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (symbol, probability) in order.into_iter().take(LIKELIEST) {
        let pair = fields([("symbol", (symbol as f64).into()), ("probability", probability.into())]);
        likeliest.push(&pair);
    }
    fields([
        ("symbols", Uint8Array::from(&prediction.symbols[..]).into()),
        ("costs", Float32Array::from(&prediction.costs[..]).into()),
        ("likeliest", likeliest.into()),
        ("transform", prediction.transform.name().into()),
    ])
}

fn fields<const N: usize>(fields: [(&str, JsValue); N]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // A fresh object takes any field.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object
}
