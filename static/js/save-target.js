// Where a result goes piece by piece. Its name holds all of it or nothing.

export class Unsaved extends Error {}

// Written to the disk while the work goes on, in constant memory. The browser keeps it
// apart until close().
class DirectTarget {
  constructor(handle, stream) {
    this.handle = handle;
    this.stream = stream;
  }

  get name() {
    return this.handle.name;
  }

  async write(bytes) {
    await this.stream.write(bytes).catch(unsaved);
  }

  async close() {
    await this.stream.close().catch(unsaved);
    return null;
  }

  async discard() {
    await this.stream.abort().catch(() => {});
    // Being asked where to save has left an empty file of this name behind.
    const file = await this.handle.getFile().catch(() => null);
    if (file?.size === 0) await this.handle.remove?.().catch(() => {});
  }
}

// Kept by the browser until the end: blobs, which it may move to the disk.
class CollectedTarget {
  constructor(name) {
    this.name = name;
    this.parts = [];
  }

  async write(bytes) {
    this.parts.push(new Blob([bytes]));
  }

  async close() {
    return new Blob(this.parts, { type: "application/octet-stream" });
  }

  async discard() {
    this.parts = [];
  }
}

export const direct = () => "showSaveFilePicker" in window;

// Asks where to save if this browser can write there; AbortError if nobody wants to.
export async function saveAs(name) {
  if (!direct()) return new CollectedTarget(name);
  try {
    const handle = await showSaveFilePicker({ suggestedName: name });
    return new DirectTarget(handle, await handle.createWritable());
  } catch (error) {
    if (error.name === "AbortError") throw error;
    // Too long after the click, or this place is closed to pages.
    if (error.name === "SecurityError") return new CollectedTarget(name);
    return unsaved();
  }
}

function unsaved() {
  throw new Unsaved();
}
