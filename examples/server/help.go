package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// help is the command "server help [COMMAND]", which is also "server -h".
func help(args []string, around surroundings) int {
	switch {
	case len(args) == 0:
		printHelp(around.stdout)
		return 0
	case isHelp(args[0]):
		args = []string{"help"}
	}
	if name, _ := groupOf(args); name != "" {
		printGroup(around.stdout, name)
		return 0
	}
	c, rest, err := findCommand(args)
	if err == nil && len(rest) > 0 {
		err = wrongUsage("%s is one word too many", shown(rest[0]))
	}
	if err != nil {
		fmt.Fprintln(around.stderr, err)
		return exitBadSetting
	}
	c.printHelp(around.stdout)
	return 0
}

// printHelp lists the commands and the settings.
func printHelp(w io.Writer) {
	io.WriteString(w, "The MyAuth reference server: POST /auth/register and the rest of the API.\n\n"+
		"  server                  serves, until SIGTERM or SIGINT\n"+
		"  server COMMAND …        works on the same stores, also beside a running server\n\n"+
		"Commands; server help COMMAND says more:\n\n")
	printCommands(w, commands())
	io.WriteString(w, "\nA command exits with 0 when it is done, 1 when it failed, 2 when the command line or a setting is\n"+
		"wrong, and 3 when there is no such user.\n\n"+
		"Settings come from the environment; one that is set but empty counts as not set.\n\n")
	printRows(w, settingsTable)
	io.WriteString(w, "\nEach NAME in MYAUTH_PROVIDERS has variables of its own, with NAME in capitals:\n\n")
	printRows(w, ofEachProvider())
	if tags := leftOut(); len(tags) > 0 {
		fmt.Fprintf(w, "\nThis server has not all of these stores: it was built with -tags %s.\n", strings.Join(tags, ","))
	}
	io.WriteString(w, "\nSIGTERM and SIGINT stop it in order, within 10 s; a second one at once.\n"+
		"SIGHUP reads the file of the signing key anew (MYAUTH_JWT_SECRET_FILE, MYAUTH_JWT_PRIVATE_KEY_FILE):\n"+
		"a new key is published, signs some minutes later, and the old one verifies until its last token is over.\n")
}

func printCommands(w io.Writer, list []command) {
	for _, c := range list {
		fmt.Fprintf(w, "  %-22s  %s\n", c.name, c.short)
	}
}

func printRows(w io.Writer, rows []setting) {
	for _, row := range rows {
		preset := row.preset
		if preset == "" {
			preset = row.otherwise
		}
		fmt.Fprintf(w, "  %s (default: %s)\n        %s\n", row.name, preset, row.meaning)
		if row.secret {
			fmt.Fprintf(w, "        %s is the path of a file that holds it\n", row.name+fileSuffix)
		}
	}
}

// printGroup lists the commands whose names begin with name.
func printGroup(w io.Writer, name string) {
	fmt.Fprintf(w, "usage: server %s COMMAND …; server help %s COMMAND says more:\n\n", name, name)
	printCommands(w, below(name))
}

// printHelp explains one command.
func (c command) printHelp(w io.Writer) {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.define(fs, new(shell))
	fmt.Fprintf(w, "usage: %s\n", c.usage(fs))
	if c.also != "" {
		fmt.Fprintf(w, "       server %s … is the same\n", c.also)
	}
	fmt.Fprintf(w, "\nIt %s.\n", c.short)
	if c.long != "" {
		fmt.Fprintf(w, "\n%s\n", c.long)
	}
	first := true
	fs.VisitAll(func(f *flag.Flag) {
		if first {
			io.WriteString(w, "\n")
			first = false
		}
		fmt.Fprintf(w, "  %s\n        %s\n", flagUsage(f), plainUsage(f))
	})
}

// usage is the form of the command line.
func (c command) usage(fs *flag.FlagSet) string {
	line := "server " + c.name
	if c.operands != "" {
		line += " " + c.operands
	}
	fs.VisitAll(func(f *flag.Flag) { line += " [" + flagUsage(f) + "]" })
	return line
}

// flagUsage is a flag with the name of its value.
func flagUsage(f *flag.Flag) string {
	if value, _ := flag.UnquoteUsage(f); value != "" {
		return "--" + f.Name + " " + value
	}
	return "--" + f.Name
}

func plainUsage(f *flag.Flag) string {
	_, usage := flag.UnquoteUsage(f)
	return usage
}
