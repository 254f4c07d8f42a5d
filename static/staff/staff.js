'use strict';
{
    // Django's script marks the sidebar itself as expanded, where assistive technology does not
    // look for it; the button that toggles it is the place.
    const toggle = document.getElementById('toggle-nav-sidebar');
    const sidebar = document.getElementById('nav-sidebar');
    if (toggle && sidebar) {
        const move = () => {
            toggle.setAttribute('aria-expanded', sidebar.getAttribute('aria-expanded') === 'true');
            sidebar.removeAttribute('aria-expanded');
        };
        toggle.setAttribute('aria-controls', 'nav-sidebar');
        move();
        toggle.addEventListener('click', move);
    }

    // A live part that is answered with another page: the session has ended. Log in again.
    document.addEventListener('htmx:before:response', (event) => {
        if (event.detail.ctx.response.raw.redirected) {
            event.preventDefault();
            window.location.reload();
        }
    });

    // A part that cannot be loaded says so; one that is asked for again and again just goes on.
    const failed = (event) => {
        const part = event.target.closest('.loading');
        if (part) {
            part.querySelector('[role=status]').textContent =
                'This part could not be loaded. Reload the page to try again.';
        }
    };
    document.addEventListener('htmx:response:error', failed);
    document.addEventListener('htmx:error', failed);

    // A live part whose subject has come to its end: what else the page offers has changed, too.
    document.addEventListener('htmx:after:swap', () => {
        if (document.querySelector('[data-ended]')) {
            window.location.reload();
        }
    });

    document.addEventListener('click', (event) => {
        const button = event.target.closest('[data-copy]');
        if (button) {
            const field = button.parentElement.querySelector('[data-copied]');
            field.select();
            // Browsers offer it on secure pages only; elsewhere the text is selected to copy.
            if (navigator.clipboard) {
                navigator.clipboard.writeText(field.value).then(() => {
                    button.textContent = 'Copied';
                });
            }
        }
    });

    // A list that is searched, filtered or turned over says so until the next page is there.
    const list = document.getElementById('changelist');
    const busy = (is) => list && list.setAttribute('aria-busy', is);
    if (list) {
        list.addEventListener('submit', () => { busy(true); });
        list.addEventListener('click', (event) => {
            const link = event.target.closest('a[href]:not([download])');
            const here = !event.ctrlKey && !event.metaKey && !event.shiftKey;
            if (link && here && link.closest('.paginator, #changelist-filter')) {
                busy(true);
            }
        });
    }

    // Rows of a form: the page comes with one empty row of each kind, more are made here.
    const showAddButtons = () => {
        document.querySelectorAll('[data-rows] .more').forEach((more) => { more.hidden = false; });
    };
    showAddButtons();
    document.addEventListener('htmx:after:swap', showAddButtons);
    document.addEventListener('click', (event) => {
        const button = event.target.closest('[data-add-row]');
        if (button) {
            const rows = button.closest('[data-rows]');
            const total = rows.querySelector('[name$="-TOTAL_FORMS"]');
            const row = rows.querySelector('template').content.firstElementChild.cloneNode(true);
            row.innerHTML = row.innerHTML.replaceAll('__prefix__', total.value);
            total.value = Number(total.value) + 1;
            rows.querySelector('template').before(row);
            row.querySelector('input, select').focus();
        }
    });

    // Up and down go from row to row once a row's link has the focus.
    document.addEventListener('keydown', (event) => {
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') {
            return;
        }
        const row = document.activeElement.closest('#result_list tbody tr');
        const next = row && (event.key === 'ArrowDown'
            ? row.nextElementSibling : row.previousElementSibling);
        const link = next && next.querySelector('th a');
        if (link) {
            event.preventDefault();
            link.focus();
        }
    });

    // A form is sent once, however often the button is pressed.
    document.addEventListener('submit', (event) => {
        if (event.target.method === 'post') {
            event.target.querySelectorAll('input[type=submit]').forEach((button) => {
                setTimeout(() => { button.disabled = true; });
            });
        }
    });
    window.addEventListener('pageshow', () => {
        busy(false);
        document.querySelectorAll('input[type=submit]:disabled').forEach((button) => {
            button.disabled = false;
        });
    });
}
