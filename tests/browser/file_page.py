"""The page for files as somebody handles it: choosing, starting, what is saved."""

from playwright.sync_api import Page, expect

NAME = "salaries-2026 (draft).ods"
FIXED = 21
# As in browsers that can't write to a place while a page works.
COLLECTS = "delete window.showSaveFilePicker"
# Nobody can answer the dialog of a browser without a window. What it gives back is
# the real thing: a file of the origin's own, written the same way.
WRITES = """
window.showSaveFilePicker = async ({ suggestedName }) => {
  const folder = await navigator.storage.getDirectory();
  return folder.getFileHandle(suggestedName, { create: true });
};
"""
READ_BACK = """
async (name) => {
  const folder = await navigator.storage.getDirectory();
  const names = [];
  for await (const found of folder.keys()) names.push(found);
  if (!names.includes(name)) return names;
  const file = await (await folder.getFileHandle(name)).getFile();
  const bytes = new Uint8Array(await file.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
"""
# Colours between two others, as under a button that is being enabled, aren't judged.
SETTLED = "Promise.allSettled(document.getAnimations().map((one) => one.finished))"


def disclose(page: Page, words: str) -> None:
    page.locator("file-tool summary", has_text=words).click()


def choose(page: Page, mode: str, data: bytes, name: str = NAME) -> None:
    page.get_by_role("radio", name=f"{mode} a file").check()
    page.locator("#file").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )


def start(page: Page, mode: str) -> None:
    page.get_by_role("button", name=mode, exact=True).click()


def through(page: Page, mode: str, data: bytes, name: str = NAME) -> tuple[str, bytes]:
    """Send bytes through the page; returns the name offered, and what was saved."""
    choose(page, mode, data, name)
    with page.expect_download() as download:
        start(page, mode)
    expect(page.get_by_role("heading", name=f"{mode}ed")).to_be_focused()
    return download.value.suggested_filename, download.value.path().read_bytes()


def refused(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", name="Refused")).to_be_focused()
    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
