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

/// Opens the device that was chosen. `auto` never takes a software adapter and never fails, unless several cards are
/// asked for.
///
/// # Errors
/// When a named device is not there or does not open, or there are fewer of its kind than asked for; the message
/// lists what there is.
pub async fn open(choice: &DeviceChoice) -> Result<OpenedDevice, String> {
    let Wish { device, cards, memory } = Wish::of(choice);
    let mut opened = open_chosen(&device, cards).await?;
    if let Some(memory) = memory {
        opened.place.set_memory(memory);
    }
    Ok(opened)
}

/// What is said of a device in a word.
#[derive(Debug, PartialEq)]
struct Wish {
    device: DeviceChoice,
    /// Cards of its kind.
    cards: usize,
    /// Bytes of each card's memory that a training may take.
    memory: Option<u64>,
}

impl Wish {
    /// “gpu*4:40”: four cards, and 40 GiB of each one's memory.
    fn of(choice: &DeviceChoice) -> Self {
        let DeviceChoice::Named(name) = choice else {
            return Self { device: choice.clone(), cards: 1, memory: None };
        };
        let number = |text: &str| text.parse::<u16>().ok().filter(|n| *n > 0);
        let (rest, gib) = match name.rsplit_once(':').and_then(|(rest, gib)| Some((rest, number(gib)?))) {
            Some((rest, gib)) => (rest, Some(gib)),
            None => (name.as_str(), None),
        };
        let (rest, cards) = match rest.rsplit_once('*').and_then(|(rest, cards)| Some((rest, number(cards)?))) {
            Some((rest, cards)) => (rest, cards.into()),
            None => (rest, 1),
        };
        let Ok(device) = rest.parse();
        Self { device, cards, memory: gib.map(|gib| u64::from(gib) << 30) }
    }
}

/// The adapter at `at` and those of its kind after it, `cards` in all, or how many there are.
fn of_a_kind(all: &[Adapter], at: usize, cards: usize) -> Result<Vec<&Adapter>, String> {
    let chosen = &all[at];
    if chosen.software {
        return Ok(vec![chosen; cards]);
    }
    let mut found: Vec<_> = all[at..].iter().filter(|a| a.name == chosen.name).collect();
    match found.len() {
        n if n < cards => {
            let there = if n == 1 { "there is 1".to_owned() } else { format!("there are {n}") };
            Err(format!(
                "{cards} graphics cards of a kind were asked for, and from the chosen one on {there}: {}",
                chosen.name
            ))
        }
        _ => {
            found.truncate(cards);
            Ok(found)
        }
    }
}

/// Opens an adapter of those that there are, and further ones of its kind: `cards` in all.
async fn open_cards(all: &[Adapter], at: usize, cards: usize, reason: String) -> Result<OpenedDevice, String> {
    let adapters = of_a_kind(all, at, cards)?;
    let mut opened = open_adapter(&all[at], reason).await?;
    let mut more = Vec::new();
    for adapter in &adapters[1..] {
        graphics::open(adapter).await?;
        more.push(graphics::place(adapter));
    }
    opened.place.add_cards(more);
    if cards > 1 {
        opened.info.name = format!("{cards} × {}", opened.info.name);
    }
    Ok(opened)
}

async fn open_chosen(choice: &DeviceChoice, cards: usize) -> Result<OpenedDevice, String> {
    let no_cards = || format!("{cards} graphics cards were asked for");
    if *choice == DeviceChoice::Cpu {
        return if cards > 1 {
            Err(format!("{}, and cpu is none; choose --device gpu", no_cards()))
        } else {
            Ok(cpu("The CPU was asked for.".into()))
        };
    }
    let all = graphics::adapters().await;
    let listed = || match all.len() {
        0 => "no graphics adapter was found".to_owned(),
        _ => format!("there are: {}", all.iter().map(|a| a.name.as_str()).collect::<Vec<_>>().join(", ")),
    };
    let hardware = all.iter().position(|a| !a.software);
    match choice {
        DeviceChoice::Auto => match hardware {
            Some(at) if cards > 1 => open_cards(&all, at, cards, "They are hardware graphics cards.".into()).await,
            Some(at) => match open_adapter(&all[at], "It is the first hardware graphics card found.".into()).await {
                Ok(opened) => Ok(opened),
                Err(e) => Ok(cpu(format!("The CPU computes, since the graphics card cannot be used: {e}."))),
            },
            None if cards > 1 => Err(format!("{}, and no hardware graphics card was found ({})", no_cards(), listed())),
            None => Ok(cpu(match all.first() {
                Some(a) => format!(
                    "The CPU computes: no hardware graphics card was found, and the software adapter {} is taken only by name.",
                    a.name
                ),
                None => "The CPU computes: no graphics adapter was found.".into(),
            })),
        },
        DeviceChoice::Gpu => match hardware {
            Some(at) => open_cards(&all, at, cards, "A graphics card was asked for.".into()).await,
            None => Err(format!(
                "no hardware graphics card was found ({}); choose --device cpu, or name a software adapter",
                listed()
            )),
        },
        DeviceChoice::Named(name) => match find(&all, name) {
            Ok(at) => open_cards(&all, at, cards, format!("“{name}” was asked for.")).await,
            Err(what) => Err(format!("{what}; {}; auto, cpu and gpu work too", listed())),
        },
        DeviceChoice::Cpu => Ok(cpu("The CPU was asked for.".into())),
    }
}

/// Which adapter a name means, or what there is not. “gpu#2” is the second hardware card, whatever it is called.
fn find(all: &[Adapter], name: &str) -> Result<usize, String> {
    let (part, number) = numbered(name);
    let lower = part.to_lowercase();
    let any = lower == "gpu" && name != part;
    let fits = |a: &Adapter| if any { !a.software } else { a.name.to_lowercase().contains(&lower) };
    let fitting: Vec<usize> = (0..all.len()).filter(|at| fits(&all[*at])).collect();
    let found = fitting.len();
    match fitting.get(number - 1) {
        Some(at) => Ok(*at),
        None if any => Err(format!("there is no hardware graphics card number {number}, there are {found}")),
        None if number > 1 => Err(format!("there is no adapter number {number} whose name contains “{part}”")),
        None => Err(format!("no adapter's name contains “{name}”")),
    }
}

#[cfg(test)]
mod tests {
    use super::{DeviceChoice, Wish, numbered};

    fn read(text: &str) -> (DeviceChoice, usize, Option<u64>) {
        let Ok(choice) = text.parse();
        let Wish { device, cards, memory } = Wish::of(&choice);
        (device, cards, memory.map(|bytes| bytes >> 30))
    }

    #[test]
    fn a_training_gets_memory_and_cards() {
        let named = |name: &str| DeviceChoice::Named(name.into());
        assert_eq!(read("gpu:40"), (DeviceChoice::Gpu, 1, Some(40)));
        assert_eq!(read("NVIDIA#2:8"), (named("NVIDIA#2"), 1, Some(8)));
        assert_eq!(read("gpu*4"), (DeviceChoice::Gpu, 4, None));
        assert_eq!(read("gpu#2*3:40"), (named("gpu#2"), 3, Some(40)));
        assert_eq!(read("auto"), (DeviceChoice::Auto, 1, None));
        assert_eq!(read("a:b"), (named("a:b"), 1, None));
        assert_eq!(read("a*b"), (named("a*b"), 1, None));
        assert_eq!(read("a*0"), (named("a*0"), 1, None));
    }

    #[test]
    fn cards_are_added_to_a_choice() {
        let on = |text: &str, cards| {
            let Ok(choice) = text.parse::<DeviceChoice>();
            choice.on_cards(cards).word()
        };
        assert_eq!(on("gpu", 4), "gpu*4");
        assert_eq!(on("gpu#2:40", 2), "gpu#2*2:40");
        assert_eq!(on("auto", 1), "auto");
    }

    #[cfg(feature = "gpu")]
    #[test]
    fn cards_of_a_kind_follow_the_chosen_one() {
        use super::{find, graphics::Adapter, of_a_kind};
        let all: Vec<_> =
            ["A", "A", "B", "A", "S"].iter().zip(0..).map(|(n, i)| Adapter::made_up(i, n, *n == "S")).collect();
        let found = |at, cards| {
            let found = of_a_kind(&all, at, cards)?.into_iter();
            Ok::<Vec<_>, String>(found.map(|a| all.iter().position(|b| std::ptr::eq(a, b)).unwrap()).collect())
        };
        assert_eq!(found(0, 1).unwrap(), [0]);
        assert_eq!(found(0, 3).unwrap(), [0, 1, 3]);
        assert_eq!(found(1, 2).unwrap(), [1, 3]);
        assert_eq!(found(4, 4).unwrap(), [4; 4]);
        assert!(found(0, 4).unwrap_err().contains("there are 3: A"));
        assert!(found(2, 2).unwrap_err().contains("there is 1: B"));
        assert_eq!((find(&all, "gpu#1"), find(&all, "GPU#3"), find(&all, "b")), (Ok(0), Ok(2), Ok(2)));
        assert!(find(&all, "gpu#5").unwrap_err().contains("there are 4"));
        assert!(find(&all, "a#4").unwrap_err().contains("number 4"));
    }

    #[test]
    fn one_of_several_cards_is_named_by_number() {
        assert_eq!(numbered("NVIDIA#2"), ("NVIDIA", 2));
        assert_eq!(numbered("NVIDIA"), ("NVIDIA", 1));
        assert_eq!(numbered("a#b"), ("a#b", 1));
        assert_eq!(numbered("a#0"), ("a#0", 1));
    }
}
