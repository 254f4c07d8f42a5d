'use strict';
{
    // A form that sends a file straight to S3: it says what S3 would say less clearly, and that it
    // is at work.
    const form = document.querySelector('form[data-upload]');
    if (form) {
        const opened = Date.now();
        const file = form.querySelector('input[type=file]');
        const check = () => {
            const chosen = file.files[0];
            let problem = '';
            if (chosen && chosen.size === 0) {
                problem = 'This file is empty.';
            } else if (chosen && chosen.size > Number(form.dataset.maxBytes)) {
                problem = 'This file is larger than 5 GB. Split it, or use “manage.py import”.';
            } else if (Date.now() - opened > 1000 * Number(form.dataset.goodFor)) {
                problem = 'This page has been open for too long. Reload it, then choose the file.';
            }
            file.setCustomValidity(problem);
        };
        file.addEventListener('change', check);
        form.querySelector('input[type=submit]').addEventListener('click', check);
        form.addEventListener('submit', () => {
            form.querySelector('.upload-state').hidden = false;
        });
        window.addEventListener('pageshow', () => {
            form.querySelector('.upload-state').hidden = true;
        });
    }
}
