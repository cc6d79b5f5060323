//! Files that come with the program and lie beside the page: fetched when they are wanted.

use std::borrow::Cow;
use std::collections::HashMap;

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::ui::Shelf;

#[wasm_bindgen]
extern "C" {
    // As the loader fetches, so that what it began to load is taken from there.
    #[wasm_bindgen(catch)]
    async fn fetch(address: &str) -> Result<JsValue, JsValue>;

    type Response;
    #[wasm_bindgen(method, getter)]
    fn ok(this: &Response) -> bool;
    #[wasm_bindgen(method, getter)]
    fn status(this: &Response) -> u16;
    #[wasm_bindgen(method, catch, js_name = arrayBuffer)]
    async fn array_buffer(this: &Response) -> Result<JsValue, JsValue>;
}

/// A shelf of files by their paths beside the page; the names are those of [`file`](crate::config::shipped::Asset::file).
pub(super) fn shelf(addresses: HashMap<String, String>) -> Shelf {
    Shelf::new(move |asset, take| {
        let address = addresses.get(&asset.file()).cloned();
        let file = asset.file();
        spawn_local(async move {
            let bytes = match address {
                Some(address) => bytes(&address).await.map_err(|why| format!("{why} ({address})")),
                None => Err(format!("this copy of the page does not have it ({file})")),
            };
            take(bytes.map(Cow::Owned));
        });
    })
}

async fn bytes(address: &str) -> Result<Vec<u8>, String> {
    let lost = |_| "the connection was lost, or there is none".to_owned();
    let response: Response = fetch(address).await.map_err(lost)?.unchecked_into();
    if !response.ok() {
        return Err(format!("the server answered {}", response.status()));
    }
    let buffer: ArrayBuffer = response.array_buffer().await.map_err(lost)?.unchecked_into();
    Ok(Uint8Array::new(&buffer).to_vec())
}
