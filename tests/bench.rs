//! `lockstep bench` runs and reports every measurement; the speed itself is not tested.

mod common;
mod devices;

use std::process::ExitCode;

use common::folder::{Folder, TINY};
use common::text;
use devices::tests;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

fn bench(folder: &Folder, more: &str) -> assert_cmd::assert::Assert {
    let args = format!("bench -3 --repeats 1 -T2 {} {more}", TINY.join(" "));
    folder.lockstep(&args).assert().success()
}

fn check(value: &Value) {
    let positive = |spread: &Value| {
        let of = |key: &str| spread[key].as_f64().unwrap_or_else(|| panic!("{key} in {spread}"));
        assert!(0.0 < of("min") && of("min") <= of("median") && of("median") <= of("max"), "{spread}");
    };
    assert_eq!(value["level"], 3);
    assert_eq!(value["model"]["units"], 16);
    let products = value["cpu_products_per_second"].as_array().unwrap();
    assert_eq!(
        products.iter().map(|p| p["product"].as_str().unwrap()).collect::<Vec<_>>(),
        ["forward", "backward", "gradient"]
    );
    for product in products {
        positive(&product["one_thread"]);
        positive(&product["all_threads"]);
        assert!(product["speedup"].as_f64().unwrap() > 0.0);
    }
    positive(&value["step_seconds"]["engine"]);
    positive(&value["step_seconds"]["coding"]);
    let coding = &value["bytes_per_second"][0];
    assert_eq!(coding["level"], 3);
    positive(&coding["encode"]);
    positive(&coding["decode"]);
    assert!(value["product_share_of_encode"].as_f64().unwrap() > 0.0);
    for key in ["engine", "threads", "vectors", "peak_products_per_second", "dispatches_per_step", "peak_memory_bytes"]
    {
        assert!(value.get(key).is_some(), "{key}");
    }
}

fn json_has_every_measurement() {
    let folder = Folder::new();
    let output = bench(&folder, "--device cpu --json --size 2K").get_output().stdout.clone();
    let value: Value = serde_json::from_slice(&output).unwrap();
    check(&value);
    assert!(value["gpu_kernels_per_second"].is_null() && value["step_seconds"]["device"].is_null());
}

fn a_file_is_compressed_and_a_table_is_printed() {
    let folder = Folder::with("a", &text(700));
    bench(&folder, "--device cpu a")
        .stdout(contains("1 x 16 units, embedding 16"))
        .stdout(contains("cpu gradient, 2 threads"))
        .stdout(contains("700 => "));
    bench(&folder, "--device cpu --size 300 a").stdout(contains("300 => "));
    let alone = bench(&folder, "--device cpu --network off a");
    alone.stdout(contains("goes without")).stdout(contains("of it products").not());
    // The environment can select narrower vectors than the machine has.
    let args = format!("bench -3 --repeats 1 -T2 {} --device cpu a", TINY.join(" "));
    let plain = folder.lockstep(&args).env("LOCKSTEP_VECTORS", "plain").assert().success();
    plain.stdout(contains("vectors: plain")).stdout(contains("700 => "));
    folder.lockstep("bench missing").assert().code(1).stderr(contains("can't read missing"));
}

fn devices_are_measured_kernel_by_kernel() {
    let folder = Folder::new();
    let output = bench(&folder, "--device gpu --json --size 1K").get_output().stdout.clone();
    let value: Value = serde_json::from_slice(&output).unwrap();
    check(&value);
    let counts = (value["gpu_kernels_per_second"].as_array().unwrap().len(), value["dispatches_per_step"].clone());
    // With one layer; hardware has fewer kernels than a software implementation.
    assert!(counts == (11, 5.into()) || counts == (9, 3.into()), "{counts:?}");
    assert!(value["step_seconds"]["device"]["read_back"]["median"].as_f64().unwrap() > 0.0);
}

fn main() -> ExitCode {
    devices::run([
        tests!(
            devices::anywhere:
            json_has_every_measurement,
            a_file_is_compressed_and_a_table_is_printed,
        ),
        tests!(devices::on_devices: devices_are_measured_kernel_by_kernel),
    ])
}
