//! `bindgen IN.wasm OUT-FOLDER NAME`: the JavaScript side of a wasm module, as `cargo xtask web`
//! needs it. A program of its own, so that xtask compiles without wasm-bindgen's dependencies.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, out, name] = &arguments[..] else {
        eprintln!("usage: bindgen IN.wasm OUT-FOLDER NAME");
        return ExitCode::from(2);
    };
    let made = wasm_bindgen_cli_support::Bindgen::new()
        .input_path(input)
        .out_name(name)
        .web(true)
        .and_then(|b| b.typescript(false).remove_name_section(true).remove_producers_section(true).generate(out));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {input}: {e:#}");
            ExitCode::FAILURE
        }
    }
}
