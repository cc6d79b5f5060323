//! Graphics adapters through wgpu.

use burn::tensor::wgpu::wgpu;
use burn::tensor::{Device, DeviceKind};
use loopscope_kernels::gpu::{WgpuDeviceKind, client};

use crate::models::Place;

/// Bytes of a card's memory that a training takes where nothing is said: the API does not tell how much there is.
const TRAINING_MEMORY: u64 = 4 << 30;

/// An adapter as the graphics API lists it.
pub(super) struct Adapter {
    kind: DeviceKind,
    pub name: String,
    pub software: bool,
}

#[cfg(test)]
impl Adapter {
    /// A discrete card, or a software adapter, that is not there.
    pub fn made_up(number: usize, name: &str, software: bool) -> Self {
        let kind = if software { DeviceKind::Cpu } else { DeviceKind::DiscreteGpu(number) };
        Self { kind, name: name.into(), software }
    }
}

/// Keeps a device that was opened here.
pub(super) type Handle = wgpu::Device;

/// Opens an adapter. A runtime lives as long as the process: a second engine shares the first one's,
/// without a handle.
pub(super) async fn open(adapter: &Adapter) -> Result<(Device, Option<Handle>), String> {
    // What such adapters make of SPIR-V is a crash or nonsense (ARCHITECTURE.md, “The fused loop”).
    if cfg!(all(feature = "vulkan", not(target_family = "wasm"))) && adapter.software {
        return Err(format!(
            "{} is a software adapter, which this build's SPIR-V kernels crash; use --device cpu, or a build without the feature vulkan",
            adapter.name
        ));
    }
    match Device::wgpu_options().device_kind(adapter.kind.clone()).init_with_setup_async().await {
        Ok((device, setup)) => Ok((device, Some(setup.device))),
        Err(e) if format!("{e:?}").contains("already initialized") => Ok((Device::wgpu(adapter.kind.clone()), None)),
        Err(e) => Err(format!("{} does not open: {e:?}", adapter.name)),
    }
}

/// The fused loop's way to an adapter that was opened.
pub(super) fn place(adapter: &Adapter) -> Place {
    let kind = match adapter.kind {
        DeviceKind::DiscreteGpu(n) => WgpuDeviceKind::DiscreteGpu(n),
        DeviceKind::IntegratedGpu(n) => WgpuDeviceKind::IntegratedGpu(n),
        DeviceKind::VirtualGpu(n) => WgpuDeviceKind::VirtualGpu(n),
        DeviceKind::Cpu => WgpuDeviceKind::Cpu,
        _ => WgpuDeviceKind::DefaultDevice,
    };
    let wide = matches!(adapter.kind, DeviceKind::DiscreteGpu(_));
    Place::Card { client: client(kind), wide, memory: TRAINING_MEMORY, more: Vec::new() }
}

/// Ends a device; everything on it is lost.
pub(super) fn destroy(handle: &Handle) {
    handle.destroy();
}

/// Adapters in order of preference, each with the selector that cubecl counts it by.
#[cfg(not(target_family = "wasm"))]
pub(super) async fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let mut out: Vec<(u8, Adapter)> = Vec::new();
    let mut slots = std::collections::HashSet::new();
    let (mut discrete, mut integrated, mut virtual_, mut other, mut software) = (0, 0, 0, 0, 0);
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    for adapter in instance.enumerate_adapters(backends).await {
        let info = adapter.get_info();
        let count = |counter: &mut usize| {
            *counter += 1;
            *counter - 1
        };
        let (rank, kind) = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => (0, DeviceKind::DiscreteGpu(count(&mut discrete))),
            wgpu::DeviceType::IntegratedGpu => (1, DeviceKind::IntegratedGpu(count(&mut integrated))),
            wgpu::DeviceType::VirtualGpu => (2, DeviceKind::VirtualGpu(count(&mut virtual_))),
            wgpu::DeviceType::Cpu => {
                // Only the first software adapter can be selected.
                if count(&mut software) > 0 {
                    continue;
                }
                (4, DeviceKind::Cpu)
            }
            wgpu::DeviceType::Other => {
                count(&mut other);
                continue;
            }
        };
        let name = format!("{} ({:?})", info.name, info.backend);
        // Where a driver is installed twice, every card is listed twice.
        let slot = (name.clone(), info.device_pci_bus_id);
        if !slot.1.is_empty() && !slots.insert(slot) {
            continue;
        }
        out.push((rank, Adapter { kind, name, software: info.device_type == wgpu::DeviceType::Cpu }));
    }
    out.sort_by_key(|(rank, _)| *rank);
    out.into_iter().map(|(_, a)| a).collect()
}

/// The one adapter that a browser gives. wgpu passes on its description alone, which most browsers
/// leave empty, so the vendor and the architecture are asked for here.
#[cfg(target_family = "wasm")]
pub(super) async fn adapters() -> Vec<Adapter> {
    use js_sys::Reflect;
    use wasm_bindgen::{JsCast as _, JsValue};

    async fn ask() -> Result<Option<Adapter>, JsValue> {
        let navigator = Reflect::get(&js_sys::global(), &"navigator".into())?;
        let gpu = Reflect::get(&navigator, &"gpu".into())?;
        if !gpu.is_object() {
            return Ok(None);
        }
        let request: js_sys::Function = Reflect::get(&gpu, &"requestAdapter".into())?.unchecked_into();
        let options = js_sys::Object::new();
        Reflect::set(&options, &"powerPreference".into(), &"high-performance".into())?;
        let promise: js_sys::Promise = request.call1(&gpu, &options)?.unchecked_into();
        let adapter: JsValue = wasm_bindgen_futures::JsFuture::from(promise).await?;
        if !adapter.is_object() {
            return Ok(None);
        }
        let info = Reflect::get(&adapter, &"info".into())?;
        let text = |key: &str| Reflect::get(&info, &key.into()).ok().and_then(|v| v.as_string()).unwrap_or_default();
        let fallback = [&info, &adapter]
            .iter()
            .any(|o| o.is_object() && Reflect::get(o, &"isFallbackAdapter".into()).is_ok_and(|v| v.is_truthy()));
        let mut words: Vec<String> = Vec::new();
        for word in ["vendor", "architecture", "description"].map(text) {
            if !word.is_empty() && !words.iter().any(|w| w.eq_ignore_ascii_case(&word)) {
                words.push(word);
            }
        }
        let what = if words.is_empty() { "graphics card".to_owned() } else { words.join(" ") };
        let lower = what.to_lowercase();
        let software = fallback || ["swiftshader", "llvmpipe", "basic render"].iter().any(|s| lower.contains(s));
        Ok(Some(Adapter { kind: DeviceKind::DefaultDevice, name: format!("{what} (WebGPU)"), software }))
    }
    ask().await.ok().flatten().into_iter().collect()
}
