"""How the page looks: a quiet theme, the styles of our own pieces, and a little script."""

from pathlib import Path

from gradio.themes import Base, colors, sizes

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
ICON = Path(__file__).with_name("icon.svg")

SANS = ["system-ui", "-apple-system", "Segoe UI", "Noto Sans", "sans-serif"]
MONO = ["ui-monospace", "SF Mono", "Menlo", "DejaVu Sans Mono", "monospace"]


def theme() -> Base:
    """Fonts of the visitor's own system: nothing is fetched."""
    return Base(
        primary_hue=colors.blue,
        neutral_hue=colors.slate,
        radius_size=sizes.radius_md,
        spacing_size=sizes.spacing_md,
        text_size=sizes.text_md,
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#0f1216",
        block_background_fill="#ffffff",
        block_background_fill_dark="#171b21",
        block_border_color="#e4e7ec",
        block_border_color_dark="#262c35",
        block_border_width="1px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_title_text_weight="600",
        button_primary_background_fill="#1d5fd1",
        button_primary_background_fill_hover="#174fb0",
        button_primary_background_fill_dark="#3b7df0",
        button_primary_background_fill_hover_dark="#5590f5",
        button_primary_text_color="#ffffff",
        button_large_text_weight="600",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_hover="#f1f3f6",
        button_secondary_background_fill_dark="transparent",
        button_secondary_background_fill_hover_dark="#20262e",
        button_secondary_border_color="#d5dae2",
        button_secondary_border_color_dark="#333b46",
        button_border_width="1px",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_hover="#f1f3f6",
        checkbox_label_background_fill_selected="#eaf1fd",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_hover_dark="#20262e",
        checkbox_label_background_fill_selected_dark="#1b2a44",
        checkbox_label_border_width="1px",
        checkbox_label_border_color="#d5dae2",
        checkbox_label_border_color_dark="#333b46",
        checkbox_label_border_color_selected="#9dbcf0",
        checkbox_label_border_color_selected_dark="#3c5f9c",
        checkbox_label_padding="5px 11px",
        checkbox_label_gap="7px",
        block_info_text_size="13px",
        block_info_text_color="#5b6472",
        block_info_text_color_dark="#98a2b1",
        block_title_text_size="14px",
        block_title_text_color="#14181f",
        block_title_text_color_dark="#e8ebf0",
        input_background_fill="#f6f7f9",
        input_background_fill_dark="#0f1216",
        input_border_width="1px",
        input_border_color="#d5dae2",
        input_border_color_dark="#333b46",
        slider_color="#1d5fd1",
        slider_color_dark="#3b7df0",
    )
