//! Which device: a hardware graphics card if there is one, else the CPU, and why.

use burn::tensor::wgpu::wgpu;
use burn::tensor::{Device, DeviceKind};

use super::protocol::{DeviceChoice, DeviceInfo};

/// A device that is ready, and what it is.
#[derive(Clone, Debug)]
pub struct OpenedDevice {
    /// For tensors.
    pub device: Device,
    /// For people.
    pub info: DeviceInfo,
}

/// An adapter as the graphics API lists it.
struct Adapter {
    kind: DeviceKind,
    name: String,
    software: bool,
}

/// Adapters in order of preference, each with the selector that cubecl counts it by.
async fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let mut out: Vec<(u8, Adapter)> = Vec::new();
    let (mut discrete, mut integrated, mut virtual_, mut other, mut software) = (0, 0, 0, 0, 0);
    let backends =
        wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12 | wgpu::Backends::BROWSER_WEBGPU;
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
        out.push((rank, Adapter { kind, name, software: info.device_type == wgpu::DeviceType::Cpu }));
    }
    out.sort_by_key(|(rank, _)| *rank);
    out.into_iter().map(|(_, a)| a).collect()
}

fn cpu(reason: String) -> OpenedDevice {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    OpenedDevice {
        device: Device::flex(),
        info: DeviceInfo { name: format!("CPU (flex, {threads} threads)"), gpu: false, software: false, reason },
    }
}

async fn open_adapter(adapter: &Adapter, reason: String) -> Result<OpenedDevice, String> {
    let device = match Device::wgpu_options().device_kind(adapter.kind.clone()).init_async().await {
        Ok(device) => device,
        // A runtime lives as long as the process: a second engine shares the first one's.
        Err(e) if format!("{e:?}").contains("already initialized") => Device::wgpu(adapter.kind.clone()),
        Err(e) => return Err(format!("{} does not open: {e:?}", adapter.name)),
    };
    Ok(OpenedDevice {
        device,
        info: DeviceInfo { name: adapter.name.clone(), gpu: true, software: adapter.software, reason },
    })
}

/// Opens the device that was chosen. `auto` never takes a software adapter and never fails.
///
/// # Errors
/// When a named device is not there or does not open; the message lists what there is.
pub async fn open(choice: &DeviceChoice) -> Result<OpenedDevice, String> {
    if *choice == DeviceChoice::Cpu {
        return Ok(cpu("The CPU was asked for.".into()));
    }
    let all = adapters().await;
    let listed = || match all.len() {
        0 => "no graphics adapter was found".to_owned(),
        _ => format!("there are: {}", all.iter().map(|a| a.name.as_str()).collect::<Vec<_>>().join(", ")),
    };
    let hardware = all.iter().find(|a| !a.software);
    match choice {
        DeviceChoice::Auto => match hardware {
            Some(adapter) => {
                match open_adapter(adapter, "It is the first hardware graphics card found.".into()).await {
                    Ok(opened) => Ok(opened),
                    Err(e) => Ok(cpu(format!("The CPU computes, since the graphics card cannot be used: {e}."))),
                }
            }
            None => Ok(cpu(match all.first() {
                Some(a) => format!(
                    "The CPU computes: no hardware graphics card was found, and the software adapter {} is taken only by name.",
                    a.name
                ),
                None => "The CPU computes: no graphics adapter was found.".into(),
            })),
        },
        DeviceChoice::Gpu => match hardware {
            Some(adapter) => open_adapter(adapter, "A graphics card was asked for.".into()).await,
            None => Err(format!(
                "no hardware graphics card was found ({}); choose --device cpu, or name a software adapter",
                listed()
            )),
        },
        DeviceChoice::Named(name) => {
            let lower = name.to_lowercase();
            match all.iter().find(|a| a.name.to_lowercase().contains(&lower)) {
                Some(adapter) => open_adapter(adapter, format!("“{name}” was asked for.")).await,
                None => Err(format!("no adapter's name contains “{name}”; {}; auto, cpu and gpu work too", listed())),
            }
        }
        DeviceChoice::Cpu => Ok(cpu("The CPU was asked for.".into())),
    }
}
