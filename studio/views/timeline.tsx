/** TimelineView. */
export function TimelineView() {
  return <div class="view" />;
}
