/** RunView. */
export function RunView() {
  return <div class="view" />;
}
