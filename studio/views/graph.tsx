/** GraphView. */
export function GraphView() {
  return <div class="view" />;
}
