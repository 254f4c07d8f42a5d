'use strict';
// Before anything is painted: whether the sidebar will be open, as Django's script decides later.
{
    let open = true;
    try {
        open = window.localStorage.getItem('django.admin.navSidebarIsOpen') !== 'false';
    } catch {
        // Storage is off; then it is open.
    }
    document.documentElement.classList.toggle('nav-open', open);
    document.addEventListener('DOMContentLoaded', () => {
        document.documentElement.classList.remove('nav-open');
    });
}
