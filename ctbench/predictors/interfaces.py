"""Interfaces of containers: where a challenge's container finds its image, leaves its label map, and its arguments.

`INTERFACES` are those of grand-challenge.org, FLARE and BraTS; `general_interface` is any other one.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ctbench.errors import UsageError
from ctbench.predictors.answers import MAP_SUFFIX, MAP_SUFFIXES
from ctbench.predictors.placeholders import filled

__all__ = ["INTERFACES", "Interface", "general_interface", "interface_of"]


@dataclass(frozen=True, slots=True)
class Interface:
    """Paths inside a container, and the arguments of its image.

    Args:
        inputs: Folder that holds the image, mounted read-only.
        image: Path of the image in ``inputs``; its suffix is the format.
        outputs: Folder that the container writes to.
        answer: Path of the label map in ``outputs``: a file, or a folder in which one label map lies.
        arguments: Words after the name of the container image.
        texts: Further files in ``inputs``: path -> content.
    """

    inputs: PurePosixPath
    image: PurePosixPath
    outputs: PurePosixPath
    answer: PurePosixPath
    arguments: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def interface_of(options: Mapping[str, Any]) -> Interface:
    """Return the interface that the options of a container describe.

    Args:
        options: Options of the predictor. ``interface`` names one of `INTERFACES`; with ``in``, ``out`` or ``run`` they
            describe a `general_interface`. Otherwise the image is called as ``IMAGE --in /in/image.nii.gz --out
            /out/prediction.nii.gz``, and every option is passed as ``--name value``.

    Raises:
        UsageError: The interface is unknown, or does not take one of the options.
    """
    named = dict(options)
    name = named.pop("interface", None)
    if name is not None and name not in INTERFACES:
        msg = f"expected interface {', '.join(INTERFACES)}, got {name!r}; or describe it by -o in=... -o out=..."
        raise UsageError(msg)
    if name is None and not named.keys() & {"in", "out", "run"}:
        return _default(named)
    make, takes = (general_interface, ("in", "out", "run")) if name is None else INTERFACES[name]
    if unknown := named.keys() - set(takes):
        msg = (
            f"interface {name or 'by in, out and run'} does not take the options {', '.join(sorted(unknown))}; "
            f"expected {', '.join(takes) or 'none'}, beside engine, device, labels, user and writable"
        )
        raise UsageError(msg)
    return make({key: str(value) for key, value in named.items()})


def general_interface(options: Mapping[str, str]) -> Interface:
    """Return the interface that ``in``, ``out`` and ``run`` describe.

    Args:
        options: ``in``: path of the image inside the container, or of its folder (default ``/in/image.nii.gz``);
            ``out``: path of the label map, or of the folder in which it is the only one (default
            ``/out/prediction.nii.gz``); ``run``: arguments of the container's image, with ``{in}`` and ``{out}``.

    Raises:
        UsageError: A path is not absolute or lies in ``/``, a quote in ``run`` is not closed, or a placeholder is
            unknown.
    """
    inputs, image = _split("in", options.get("in", f"/in/image{MAP_SUFFIX}"), f"image{MAP_SUFFIX}")
    outputs, answer = _split("out", options.get("out", f"/out/prediction{MAP_SUFFIX}"), "")
    places = {"in": str(inputs / image), "out": str(outputs / answer)}
    try:
        arguments = tuple(filled(shlex.split(options.get("run", "")), places))
    except (ValueError, KeyError) as error:
        msg = f"run={options['run']!r} cannot be read ({error!r}); expected words, with {{in}} and {{out}} for paths"
        raise UsageError(msg) from error
    return Interface(inputs, image, outputs, answer, arguments)


def _split(name: str, text: str, usual: str) -> tuple[PurePosixPath, PurePosixPath]:
    """Return the folder to mount and the path in it; a path with a suffix of label maps is a file."""
    path = PurePosixPath(text)
    is_file = path.name.endswith(MAP_SUFFIXES)
    folder, inside = (path.parent, PurePosixPath(path.name)) if is_file else (path, PurePosixPath(usual))
    if not path.is_absolute() or folder == PurePosixPath("/") or ".." in path.parts:
        msg = f"expected {name} to be an absolute path in a folder of the container, e.g. /data/x.nii.gz; got {text!r}"
        raise UsageError(msg)
    return folder, inside


def _default(options: Mapping[str, Any]) -> Interface:
    plain = general_interface({})
    arguments = ["--in", str(plain.inputs / plain.image), "--out", str(plain.outputs / plain.answer)]
    for key, value in options.items():
        arguments += [f"--{key}", str(value)]
    return Interface(plain.inputs, plain.image, plain.outputs, plain.answer, tuple(arguments))


def _grand_challenge(options: Mapping[str, str]) -> Interface:
    """Algorithms of grand-challenge.org: the slugs of the sockets are the names of folders; no arguments."""
    slug, output = _slug(options, "input"), _slug(options, "output")
    socket = {"slug": slug, "kind": "Image", "super_kind": "Image", "relative_path": f"images/{slug}"}
    # "interface" is what the platform called a socket before 2025.
    listed = [{"socket": socket, "interface": socket, "image": {"name": "image.mha"}, "file": None, "value": None}]
    return Interface(
        PurePosixPath("/input"),
        PurePosixPath(f"images/{slug}/image.mha"),
        PurePosixPath("/output"),
        PurePosixPath(f"images/{output}"),
        texts={"inputs.json": json.dumps(listed, indent=1)},
    )


def _flare(_options: Mapping[str, str]) -> Interface:
    """FLARE: a folder of ``CASE_0000.nii.gz``, and a script in the container's working folder."""
    workspace = PurePosixPath("/workspace")
    image = PurePosixPath("case_0000.nii.gz")
    return Interface(
        workspace / "inputs", image, workspace / "outputs", PurePosixPath(), ("/bin/bash", "-c", "sh predict.sh")
    )


def _brats(options: Mapping[str, str]) -> Interface:
    """BraTS since 2025: a folder for each case, no arguments."""
    return Interface(PurePosixPath("/input"), _brats_image(options), PurePosixPath("/output"), PurePosixPath())


def _brats_mlcube(options: Mapping[str, str]) -> Interface:
    """BraTS until 2024: the same folders at the paths of MLCube, which are arguments."""
    inputs, outputs = PurePosixPath("/mlcube_io0"), PurePosixPath("/mlcube_io2")
    arguments = ("infer", f"--data_path={inputs}", f"--output_path={outputs}")
    return Interface(inputs, _brats_image(options), outputs, PurePosixPath(), arguments)


def _brats_image(options: Mapping[str, str]) -> PurePosixPath:
    case = "BraTS-GLI-00000-000"
    return PurePosixPath(case, f"{case}-{_slug(options, 'input')}{MAP_SUFFIX}")


def _slug(options: Mapping[str, str], name: str) -> str:
    """Return an option that becomes a part of a path."""
    slug = options.get(name, "")
    if not slug or "/" in slug or slug.startswith("."):
        msg = f"this interface needs -o {name}=SLUG, the name that the challenge gave to that image; got {slug!r}"
        raise UsageError(msg)
    return slug


INTERFACES: Mapping[str, tuple[Callable[[Mapping[str, str]], Interface], tuple[str, ...]]] = {
    "grand-challenge": (_grand_challenge, ("input", "output")),
    "flare": (_flare, ()),
    "brats": (_brats, ("input",)),
    "brats-mlcube": (_brats_mlcube, ("input",)),
}
"""Name of an interface -> the function that makes it from the options, and the options that it takes."""
