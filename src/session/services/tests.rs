//! Whole sessions with news, scanners, calculators and the calendar.
