// The page's language as Intl takes it; English as the server writes its dates.
const written = document.documentElement.lang;
export const language = written === "en" ? "en-GB" : written || undefined;
