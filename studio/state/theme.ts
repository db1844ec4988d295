/** Light or dark: as the system says, until the user says otherwise. */
import { signal } from '@preact/signals';

const KEY = 'snowflake-theme';
type Theme = 'light' | 'dark';
const system = window.matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : undefined;
  } catch {
    return undefined;
  }
}

export const theme = signal<Theme>(stored() ?? (system.matches ? 'dark' : 'light'));

export function applyTheme(): void {
  document.documentElement.dataset.theme = theme.value;
  system.onchange = () => {
    if (!stored()) setTheme(system.matches ? 'dark' : 'light');
  };
}

function setTheme(next: Theme): void {
  theme.value = next;
  document.documentElement.dataset.theme = next;
}

export function toggleTheme(): void {
  setTheme(theme.value === 'dark' ? 'light' : 'dark');
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // A page without storage forgets it; nothing else depends on it.
  }
}

/** A colour of the theme, for canvases. */
export function themeColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
