// Package acceptance judges examples/webapp from outside: the program itself as a process, its
// SQLite file, its mails by SMTP, and its pages in Chromium. It is a module of its own, so that
// nobody who copies the application gets a browser with it.
//
// go test -artifacts -outputdir DIR keeps the screenshots.
package acceptance
