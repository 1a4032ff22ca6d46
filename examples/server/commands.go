package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"myauth.internal/kit"
)

// command is one command of the shell. "server" alone serves.
type command struct {
	name string // "users show"
	also string // another name of it
	// operands are what it takes beside flags, for people: "USER ROLE...". least and most are how
	// many; a most below zero is any number.
	operands    string
	least, most int
	short       string // what it does, without a full stop
	long        string // what else there is to know
	records     bool   // it prints records, so it has --json
	final       bool   // it cannot be undone, so it has --yes
	creates     bool   // it may begin a new SQLite file
	// anySettings lets it run with settings that are wrong: shell.problem is what is wrong.
	anySettings bool
	// setup defines the flags and returns what the command does.
	setup func(*flag.FlagSet) action
}

type action func(ctx context.Context, sh *shell, operands []string) error

// commands are all of them, in the order of the help.
func commands() []command {
	return slices.Concat(userCommands(), transferCommands(), otherCommands())
}

func otherCommands() []command {
	return []command{
		purgeCommand(),
		doctorCommand(),
		{name: "help", operands: "[COMMAND]", most: -1, short: "lists commands and settings, or explains one command",
			setup: func(*flag.FlagSet) action { return nil }}, // runCommand does it: it needs no settings
	}
}

// exitNotFound is the exit status of a command about a user that does not exist.
const exitNotFound = 3

// usageError is a command line that is wrong.
type usageError struct{ problem string }

func (e *usageError) Error() string { return e.problem }

func wrongUsage(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// surroundings are those of a process.
type surroundings struct {
	lookup         func(string) (string, bool)
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// runCommand runs the command of args, and returns the exit status.
func runCommand(ctx context.Context, args []string, around surroundings) int {
	if args[0] == "help" || isHelp(args[0]) {
		return help(args[1:], around)
	}
	if name, asked := groupOf(args); name != "" && asked {
		printGroup(around.stdout, name)
		return 0
	} else if name != "" {
		printGroup(around.stderr, name)
		return exitBadSetting
	}
	c, rest, err := findCommand(args)
	if err != nil {
		fmt.Fprintln(around.stderr, err)
		return exitBadSetting
	}
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	sh := &shell{surroundings: around, command: c}
	do := c.define(fs, sh)
	operands, err := parseFlags(fs, rest)
	switch {
	case errors.Is(err, flag.ErrHelp):
		c.printHelp(around.stdout)
		return 0
	case err == nil && len(operands) < c.least:
		err = wrongUsage("%s is missing", missing(c.operands, len(operands)))
	case err == nil && c.most >= 0 && len(operands) > c.most:
		err = wrongUsage("%s is one word too many", shown(operands[c.most]))
	}
	if err != nil {
		fmt.Fprintf(around.stderr, "server %s: %v\nusage: %s\n", c.name, err, c.usage(fs))
		return exitBadSetting
	}
	if c.anySettings {
		around.stderr = io.Discard // it says itself what there is to say
	}
	if sh.settings, sh.logger, sh.problem = loadSettings(around); sh.problem != nil && !c.anySettings {
		fmt.Fprintln(around.stderr, sh.problem)
		return exitBadSetting
	}
	return sh.status(do(kit.WithActor(ctx, "shell"), sh, operands))
}

// status says what went wrong, and returns the exit status.
func (sh *shell) status(err error) int {
	if err == nil {
		return 0
	}
	var usage *usageError
	var invalid *kit.ValidationError
	errors.As(err, &invalid)
	readerLeft := errors.Is(err, syscall.EPIPE) && !errors.Is(err, kit.ErrUnavailable) // as head does; a store may break a pipe too
	if !errors.Is(err, errSaid) && !readerLeft {
		fmt.Fprintf(sh.stderr, "server %s: %s\n", sh.command.name, forPeople(err))
	}
	switch {
	case errors.As(err, &usage), invalid != nil:
		return exitBadSetting
	case errors.Is(err, errNoUser), errors.Is(err, kit.ErrUserNotFound):
		return exitNotFound
	}
	return exitFailed
}

// forPeople is the text of an error, without what is for programs.
func forPeople(err error) string {
	var invalid *kit.ValidationError
	var refused *kit.Problem
	switch {
	case errors.As(err, &invalid):
		var lines []string
		for _, field := range invalid.Fields {
			lines = append(lines, field.Field+": "+field.Message)
		}
		return strings.Join(lines, "; ")
	case errors.As(err, &refused):
		return refused.Detail
	case errors.Is(err, context.Canceled):
		return "stopped"
	}
	return strings.TrimPrefix(err.Error(), "kit: ")
}

// errSaid is a failure that the command has told of itself.
var errSaid = errors.New("failed")

// findCommand returns the command that args begin with, and the rest of them.
func findCommand(args []string) (command, []string, error) {
	var found command
	words := 0
	for _, c := range commands() {
		for _, name := range []string{c.name, c.also} {
			if parts := strings.Fields(name); len(parts) > words && len(args) >= len(parts) && slices.Equal(args[:len(parts)], parts) {
				found, words = c, len(parts)
			}
		}
	}
	if words > 0 {
		return found, args[words:], nil
	}
	if strings.HasPrefix(args[0], "-") {
		return found, nil, wrongUsage("unknown argument %s: settings come from the environment, and -h lists them and the commands", shown(args[0]))
	}
	said := leadingWords(args)
	return found, nil, wrongUsage("there is no command %s: did you mean %q? server help lists them all", shown(strings.Join(said, " ")), nearest(said))
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// leadingWords are those in front of the first flag, as many as the name of a command has at most.
func leadingWords(args []string) []string {
	for n, arg := range args {
		if n == 3 || strings.HasPrefix(arg, "-") {
			return args[:n]
		}
	}
	return args
}

// groupOf returns the words that only begin the names of commands, such as "users", if args are
// those and nothing else but a flag that asks for help.
func groupOf(args []string) (name string, asked bool) {
	words := leadingWords(args)
	name = strings.Join(words, " ")
	rest := args[len(words):]
	asked = len(rest) > 0 && isHelp(rest[0])
	if len(below(name)) == 0 || len(rest) > 0 && !asked {
		return "", false
	}
	return name, asked
}

// below are the commands whose names begin with a name and more words.
func below(name string) []command {
	return slices.DeleteFunc(commands(), func(c command) bool { return !strings.HasPrefix(c.name, name+" ") })
}

// nearest is the name of a command that is most like what was said, of which the last words may be
// operands.
func nearest(said []string) (name string) {
	best := -1
	for _, c := range commands() {
		n := len(strings.Fields(c.name))
		d := distance(strings.Join(said[:min(n, len(said))], " "), c.name)
		if best < 0 || d < best {
			best, name = d, c.name
		}
	}
	return name
}

// distance is how many letters must be put in, taken out or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// define defines the flags of c.
func (c command) define(fs *flag.FlagSet, sh *shell) action {
	do := c.setup(fs)
	if c.records {
		fs.BoolVar(&sh.json, "json", false, "prints one JSON object a line")
	}
	if c.final {
		fs.BoolVar(&sh.yes, "yes", false, "does not ask, for scripts")
	}
	return do
}

// parseFlags reads flags that stand before, between and after the operands, which it returns.
// After -- there are only operands.
func parseFlags(fs *flag.FlagSet, args []string) (operands []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		rest := fs.Args()
		if n := len(args) - len(rest); len(rest) == 0 || n > 0 && args[n-1] == "--" {
			return append(operands, rest...), nil
		}
		operands, args = append(operands, rest[0]), rest[1:]
	}
}

// missing is the first operand that is not there.
func missing(operands string, given int) string {
	names := strings.Fields(operands)
	return names[min(given, len(names)-1)]
}
