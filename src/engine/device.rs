//! Which device: a hardware graphics card if there is one, else the CPU, and why.

use burn::tensor::Device;

use super::protocol::{DeviceChoice, DeviceInfo, Kernels};
use crate::models::Place;
use crate::train::Ground;

#[cfg(feature = "gpu")]
#[path = "device/graphics.rs"]
mod graphics;
#[cfg(not(feature = "gpu"))]
#[path = "device/none.rs"]
mod graphics;

use graphics::{Adapter, Handle};

/// A device that is ready, and what it is.
#[derive(Clone, Debug)]
pub struct OpenedDevice {
    /// For tensors.
    pub device: Device,
    /// For people.
    pub info: DeviceInfo,
    /// For the fused loop.
    pub place: Place,
    handle: Option<Handle>,
}

impl OpenedDevice {
    /// Where a training computes with these kernels; its precision is its recipe's.
    pub(super) fn ground(&self, kernels: Kernels, micro_batch: Option<usize>) -> Ground<'_> {
        Ground { device: &self.device, fused: (kernels != Kernels::Plain).then_some(&self.place), micro_batch }
    }

    /// Loses a graphics device, as a driver may; the CPU cannot be lost.
    pub(super) fn lose(&self) {
        if let Some(handle) = &self.handle {
            graphics::destroy(handle);
        }
    }
}

/// Threads of this machine that the program may use.
pub(super) fn threads() -> usize {
    if cfg!(target_family = "wasm") { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) }
}

/// Where the fused loop runs on the processor.
fn processor() -> Place {
    #[cfg(all(target_family = "wasm", feature = "worker"))]
    if let Some(kernels) = super::worker::kernels() {
        return Place::Module(kernels);
    }
    Place::Cpu { threads: threads() }
}

fn cpu(reason: String) -> OpenedDevice {
    let place = processor();
    let name = if cfg!(target_family = "wasm") {
        let simd = match place {
            #[cfg(all(target_family = "wasm", feature = "worker"))]
            Place::Module(_) => "relaxed SIMD",
            _ if cfg!(target_feature = "simd128") => "SIMD",
            _ => "no SIMD",
        };
        format!("CPU (flex, 1 thread, {simd})")
    } else {
        format!("CPU (flex, {} threads)", threads())
    };
    OpenedDevice {
        device: Device::flex(),
        info: DeviceInfo { name, gpu: false, software: false, reason },
        place,
        handle: None,
    }
}

async fn open_adapter(adapter: &Adapter, reason: String) -> Result<OpenedDevice, String> {
    let (device, handle) = graphics::open(adapter).await?;
    Ok(OpenedDevice {
        device,
        info: DeviceInfo { name: adapter.name.clone(), gpu: true, software: adapter.software, reason },
        place: graphics::place(adapter),
        handle,
    })
}

/// “NVIDIA#2”: a part of a name, and which of several such adapters, from 1.
fn numbered(name: &str) -> (&str, usize) {
    let several = name.rsplit_once('#').and_then(|(part, n)| Some((part, n.parse().ok().filter(|n| *n > 0)?)));
    several.unwrap_or((name, 1))
}

/// Opens the device that was chosen. `auto` never takes a software adapter and never fails.
///
/// # Errors
/// When a named device is not there or does not open; the message lists what there is.
pub async fn open(choice: &DeviceChoice) -> Result<OpenedDevice, String> {
    let (choice, memory) = with_memory(choice);
    let mut opened = open_chosen(&choice).await?;
    if let Some(memory) = memory {
        opened.place.set_memory(memory);
    }
    Ok(opened)
}

/// “gpu:40”: a device, and how many GiB of a card's memory a training may take.
fn with_memory(choice: &DeviceChoice) -> (DeviceChoice, Option<u64>) {
    let parts = match choice {
        DeviceChoice::Named(name) => name.rsplit_once(':'),
        _ => None,
    };
    match parts.and_then(|(device, gib)| Some((device, gib.parse::<u16>().ok().filter(|n| *n > 0)?))) {
        Some((device, gib)) => {
            let Ok(device) = device.parse();
            (device, Some(u64::from(gib) << 30))
        }
        None => (choice.clone(), None),
    }
}

async fn open_chosen(choice: &DeviceChoice) -> Result<OpenedDevice, String> {
    if *choice == DeviceChoice::Cpu {
        return Ok(cpu("The CPU was asked for.".into()));
    }
    let all = graphics::adapters().await;
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
            let (part, number) = numbered(name);
            let lower = part.to_lowercase();
            match all.iter().filter(|a| a.name.to_lowercase().contains(&lower)).nth(number - 1) {
                Some(adapter) => open_adapter(adapter, format!("“{name}” was asked for.")).await,
                None if number > 1 => {
                    Err(format!("there is no adapter number {number} whose name contains “{part}”; {}", listed()))
                }
                None => Err(format!("no adapter's name contains “{name}”; {}; auto, cpu and gpu work too", listed())),
            }
        }
        DeviceChoice::Cpu => Ok(cpu("The CPU was asked for.".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::{DeviceChoice, numbered, with_memory};

    #[test]
    fn a_training_gets_memory_of_a_card() {
        let read = |text: &str| text.parse().map(|choice| with_memory(&choice)).unwrap();
        assert_eq!(read("gpu:40"), (DeviceChoice::Gpu, Some(40 << 30)));
        assert_eq!(read("NVIDIA#2:8"), (DeviceChoice::Named("NVIDIA#2".into()), Some(8 << 30)));
        assert_eq!(read("auto"), (DeviceChoice::Auto, None));
        assert_eq!(read("a:b"), (DeviceChoice::Named("a:b".into()), None));
    }

    #[test]
    fn one_of_several_cards_is_named_by_number() {
        assert_eq!(numbered("NVIDIA#2"), ("NVIDIA", 2));
        assert_eq!(numbered("NVIDIA"), ("NVIDIA", 1));
        assert_eq!(numbered("a#b"), ("a#b", 1));
        assert_eq!(numbered("a#0"), ("a#0", 1));
    }
}
