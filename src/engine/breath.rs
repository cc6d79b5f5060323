//! A breath between two units of work.

/// Lets whatever waits for this thread have its turn. Natively the engine has a thread to itself and
/// goes on at once; in a worker it waits for one round of the event loop, in which messages arrive.
#[cfg(not(target_family = "wasm"))]
pub(super) async fn breathe() {}

/// See the native one. A message channel is the quickest way around the event loop: timers are held
/// back to four milliseconds, and promises do not let messages in.
#[cfg(target_family = "wasm")]
pub(super) async fn breathe() {
    use wasm_bindgen::JsCast as _;

    thread_local! {
        static CHANNEL: Option<web_sys::MessageChannel> = web_sys::MessageChannel::new().ok();
    }
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        CHANNEL.with(|channel| match channel {
            Some(channel) => {
                channel.port1().set_onmessage(Some(resolve.unchecked_ref()));
                let _ = channel.port2().post_message(&wasm_bindgen::JsValue::NULL);
            }
            None => drop(resolve.call0(&wasm_bindgen::JsValue::NULL)),
        });
    });
    let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
}
