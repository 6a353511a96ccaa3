/** A worker's module that cannot be loaded. */
throw new Error("broken at once");
