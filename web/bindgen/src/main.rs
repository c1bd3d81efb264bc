//! Makes the JavaScript side of a module: `bindgen MODULE.wasm FOLDER`.
//!
//! It is the library behind the program wasm-bindgen, built here because both sides of the bindings have
//! to be of the same version, which the lock file sees to.

use wasm_bindgen_cli_support::Bindgen;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder] = &arguments[..] else {
        eprintln!("usage: bindgen MODULE.wasm FOLDER");
        std::process::exit(1);
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name("bindings").typescript(false).remove_name_section(true);
    if let Err(error) = bindgen.web(true).and_then(|bindgen| bindgen.generate(folder)) {
        eprintln!("bindgen: {error:?}");
        std::process::exit(1);
    }
}
