"""Numbers as people read them."""

import math


def number(value: float) -> str:
    """Three significant digits at most: 0.05, 1.25, 384, 12,000, 10⁻⁶; –, ∞ if not finite."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value and not 1e-4 <= abs(value) < 1e7:
        power = math.floor(math.log10(abs(value)))
        factor = f"{value / 10.0**power:.3g}"
        return ("" if factor == "1" else f"{factor}·") + "10" + raised(power)
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return text.replace("-", "−")


def raised(power: int) -> str:
    """A power as small raised digits."""
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def duration(seconds: float) -> str:
    """Seconds as a person says them: 0.05 s, 1.3 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if not math.isfinite(seconds):
        return number(seconds)
    if round(seconds) < 120:
        digits = 0 if seconds >= 10 or seconds == 0 else 1 if seconds >= 1 else 2
        return f"{seconds:.2g} s" if seconds < 0.01 and seconds else f"{seconds:.{digits}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def decibel(value: float) -> str:
    """A PSNR without its unit: 31.2; ∞ for equal pictures, – where there is none."""
    return f"{value:.1f}".replace("-", "−") if math.isfinite(value) else number(value)
