//! Pictures of the real window, and whether they show what they should.

use std::path::{Path, PathBuf};
use std::time::Instant;

use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};

use crate::cli::args::DeviceArg;
use crate::cli::failure::{Answer, Failure, Outcome};
use crate::cli::{open, output};
use crate::ui::Shot;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder to write to
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    device: DeviceArg,
}

/// A part of a picture in shares of its width and height: left, top, right, bottom.
type Part = (f32, f32, f32, f32);

/// Where the board is, whatever else is beside it.
const BOARD: Part = (0.3, 0.2, 0.65, 0.8);
const ALL: Part = (0.0, 0.0, 1.0, 1.0);

pub(in crate::cli) fn run(args: &Args) -> Outcome {
    let shot = Shot::all(args.out.clone());
    let scenes: Vec<(String, bool)> = shot.scenes.iter().map(|(name, _, dark, _)| (name.clone(), *dark)).collect();
    let start = Instant::now();
    open::window(crate::ui::LabOptions { shots: Some(shot), ..open::options() }, args.device.device.clone())?;
    output::line(format_args!(
        "{} in {}",
        output::count(scenes.len(), "picture"),
        output::duration(start.elapsed().as_secs_f64())
    ))?;
    let problems = look(&args.out, &scenes)?;
    for problem in &problems {
        output::line(problem)?;
    }
    Ok(if problems.is_empty() { Answer::Yes } else { Answer::No })
}

/// What is wrong with the pictures, one sentence each.
fn look(folder: &Path, scenes: &[(String, bool)]) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    let mut pictures: Vec<(&str, Pixmap)> = Vec::new();
    for (name, dark) in scenes {
        let path = folder.join(format!("{name}.png"));
        let bytes =
            std::fs::read(&path).map_err(|e| Failure::Engine(format!("{} was not saved: {e}", path.display())))?;
        let picture = Pixmap::decode_png(&bytes)
            .map_err(|e| Failure::Engine(format!("{} is no picture: {e}", path.display())))?;
        let (colours, bright) = (colours(&picture, BOARD), brightness(&picture));
        if colours < 8 {
            problems.push(format!("{name}: the board's place holds only {colours} colours; nothing was drawn there"));
        }
        if (bright < 0.5) != *dark {
            let want = if *dark { "dark" } else { "light" };
            problems.push(format!("{name}: its brightness is {bright:.2}, which is not {want}"));
        }
        pictures.push((name, picture));
    }
    // Pictures in a row of the same scene and theme: something must have moved on the board.
    for pair in pictures.windows(2) {
        let ((first, a), (second, b)) = (&pair[0], &pair[1]);
        if second.starts_with(first) {
            let share = difference(a, b, BOARD);
            output::line(format_args!("{first} and {second}: {:.2} % of the board's points differ", 100.0 * share))?;
            if share < 0.0005 {
                problems.push(format!("{first} and {second} show the same board; it must move within a second"));
            }
        }
    }
    Ok(problems)
}

fn points(picture: &Pixmap, (left, top, right, bottom): Part) -> impl Iterator<Item = PremultipliedColorU8> + '_ {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let span = |from: f32, to: f32, size: usize| (from * size as f32) as usize..((to * size as f32) as usize).min(size);
    let columns = span(left, right, width);
    span(top, bottom, height)
        .flat_map(move |y| columns.clone().filter_map(move |x| picture.pixels().get(y * width + x).copied()))
}

/// Different colours of a part.
fn colours(picture: &Pixmap, part: Part) -> usize {
    points(picture, part).map(|p| (p.red(), p.green(), p.blue())).collect::<std::collections::BTreeSet<_>>().len()
}

/// Mean brightness, 0 to 1.
fn brightness(picture: &Pixmap) -> f64 {
    let (sum, count) = points(picture, ALL).fold((0_u64, 0_u64), |(sum, count), p| {
        (sum + u64::from(p.red()) + u64::from(p.green()) + u64::from(p.blue()), count + 3)
    });
    sum as f64 / (255 * count.max(1)) as f64
}

/// The share of points that differ visibly; 1 for pictures of different size.
fn difference(a: &Pixmap, b: &Pixmap, part: Part) -> f64 {
    if (a.width(), a.height()) != (b.width(), b.height()) {
        return 1.0;
    }
    let far = |a: u8, b: u8| a.abs_diff(b) > 16;
    let (mut differ, mut all) = (0_u64, 0_u64);
    for (p, q) in points(a, part).zip(points(b, part)) {
        all += 1;
        differ += u64::from(far(p.red(), q.red()) || far(p.green(), q.green()) || far(p.blue(), q.blue()));
    }
    differ as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_looked_at() {
        let mut a = Pixmap::new(100, 100).expect("a size");
        a.fill(resvg::tiny_skia::Color::WHITE);
        let mut b = a.clone();
        let width = b.width() as usize;
        for (i, p) in b.pixels_mut().iter_mut().enumerate() {
            if (40..50).contains(&(i % width)) && (40..50).contains(&(i / width)) {
                *p = PremultipliedColorU8::from_rgba(0, 0, 0, 255).expect("opaque");
            }
        }
        assert!(brightness(&a) > 0.99 && difference(&a, &a, BOARD) == 0.0);
        assert!((difference(&a, &b, BOARD) - 100.0 / (35.0 * 60.0)).abs() < 1e-3);
        assert_eq!((colours(&a, BOARD), colours(&b, BOARD)), (1, 2));
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["x", "x-later"] {
            std::fs::write(folder.path().join(format!("{name}.png")), a.encode_png().expect("a PNG")).expect("written");
        }
        let problems = look(folder.path(), &[("x".into(), false), ("x-later".into(), true)]).expect("pictures");
        assert_eq!(problems.len(), 4, "{problems:?}");
    }
}
