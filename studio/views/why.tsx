/** WhyView. */
export function WhyView() {
  return <div class="view" />;
}
