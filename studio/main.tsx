/** Entry of the page. */
import './styles/theme.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/views.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { listenToKeys } from './state/keys.ts';
import { applyTheme } from './state/theme.ts';
import { keepAddress, restore } from './state/url.ts';

applyTheme();
restore();
keepAddress();
listenToKeys();
render(<App />, document.getElementById('app')!);
