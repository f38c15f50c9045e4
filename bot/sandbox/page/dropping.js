// Files dragged over a part of the page: it shows that it takes them, and gets them when they are let go.

const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/** Call `take(files)` with files dropped on `node`, which has the class `dropping` while they hang over it. */
export function receiveFiles(node, take) {
  // Entering a child leaves its parent, so that only the count says whether the pointer is still inside.
  let depth = 0;
  const count = (next) => {
    depth = Math.max(0, next);
    node.classList.toggle("dropping", depth > 0);
  };
  node.addEventListener("dragenter", (event) => carriesFiles(event) && count(depth + 1));
  node.addEventListener("dragleave", (event) => carriesFiles(event) && count(depth - 1));
  node.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  node.addEventListener("drop", (event) => {
    count(0);
    if (!carriesFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
}
