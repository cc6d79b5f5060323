//! Files that come with the program and lie beside the page: fetched when they are wanted.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use js_sys::{ArrayBuffer, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::ui::Shelf;

#[wasm_bindgen]
extern "C" {
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

/// A file that the loader began to fetch before there was a program to ask for it.
#[derive(Clone, Debug)]
pub(super) struct Early {
    file: String,
    /// What has arrived by now.
    bytes: Option<Vec<u8>>,
    /// Its bytes, or null where it does not come.
    coming: Promise,
}

impl Early {
    /// As the loader has it: {file, bytes, coming}.
    pub fn of(opening: &JsValue) -> Option<Self> {
        let get = |key: &str| Reflect::get(opening, &key.into()).ok();
        let bytes = get("bytes")?.dyn_into::<Uint8Array>().ok().map(|b| b.to_vec());
        Some(Self { file: get("file")?.as_string()?, bytes, coming: get("coming")?.dyn_into().ok()? })
    }
}

/// A shelf of files by their paths beside the page; the names are those of [`file`](crate::config::shipped::Asset::file).
pub(super) fn shelf(addresses: HashMap<String, String>, early: Option<Early>) -> Shelf {
    let early = RefCell::new(early);
    Shelf::new(move |asset, take| {
        let address = addresses.get(&asset.file()).cloned();
        let file = asset.file();
        let early = early.borrow_mut().take_if(|e| e.file == file);
        let (early, coming) = early.map_or((None, None), |e| (e.bytes, Some(e.coming)));
        if let Some(bytes) = early {
            return take(Ok(Cow::Owned(bytes)));
        }
        spawn_local(async move {
            if let Some(coming) = coming
                && let Ok(came) = JsFuture::from(coming).await
                && let Ok(bytes) = came.dyn_into::<Uint8Array>()
            {
                return take(Ok(Cow::Owned(bytes.to_vec())));
            }
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
