// Package mailqueue sends mails outside of the requests that cause them, and repeats
// attempts that fail.
package mailqueue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"myauth.internal/kit/internal/turns"
)

const (
	// capacity bounds each of three queues: the jobs that arrived since the last tick,
	// those that are ready, and those that wait for their next attempt. So mails that a
	// relay puts off take no room from others.
	capacity = 1024
	// maxWorkers bounds the attempts under way, so that one relay connection that hangs
	// holds up one worker.
	maxWorkers = 4
	// attemptTimeout ends an attempt whose mailer has no deadline of its own.
	attemptTimeout = time.Minute
	firstPause     = time.Second
	longestPause   = 5 * time.Minute
	// lastPause is how long Close waits for attempts that it has cancelled.
	lastPause = time.Second
)

// What Options.Send returns instead of an error when it sent nothing.
var (
	// ErrSkip: there is no mail to send.
	ErrSkip = errors.New("mailqueue: no mail to send")
	// ErrSpaced: the mailbox had another mail of the kind too recently.
	ErrSpaced = errors.New("mailqueue: too soon after another mail")
)

// Permanent marks err as one that no further attempt can mend. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Outcome says what became of a job, or of one attempt.
type Outcome int

// The outcomes that are reported.
const (
	Failed  Outcome = iota // an attempt failed and will be repeated
	Dropped                // the job was given up
	Crowded                // jobs were dropped because a queue was full
	Spaced                 // jobs were left out for other mails to the same mailbox
)

// Options are the settings of a [Queue]; all are required.
type Options[T any] struct {
	// Delay bounds how long after its arrival the work for a job begins.
	Delay time.Duration
	// Now is the clock that ValidUntil is compared with.
	Now func() time.Time
	// Send makes one attempt to send a job's mail. Several run at once.
	Send func(context.Context, T) error
	// Key is called after a failed attempt. If it is not empty, it is the same for mails of
	// which a mailbox needs only one. Of these only the newest, by ValidUntil, waits for its
	// next attempt, so a mailbox does not get hours of mails when the relay was down for hours.
	Key func(T) string
	// Report is told of every outcome but success and ErrSkip, and of a failed attempt before
	// the next one begins. Crowded and Spaced are summed up: n is how many jobs, and the value
	// is that of the first.
	Report func(ctx context.Context, outcome Outcome, value T, n int, err error)
}

// Job is one mail that may have to be sent.
type Job[T any] struct {
	Value T
	// Source is the client that caused the mail. Sources take turns, and a full queue
	// drops a job of the source with the most in it.
	Source turns.Source
	// ValidUntil is when the mail is no longer of use.
	ValidUntil time.Time

	key   string // of Options.Key
	pause time.Duration
	timer *time.Timer // of the next attempt
}

// Stats counts jobs.
type Stats struct {
	Ready, Waiting        int
	Sent, Dropped, Spaced uint64
}

// Queue is a queue of mails. A request adds a job, and workers take it at the next tick of
// a timer. The tick does not depend on the job, so the time of the request's answer does
// not depend on what the job is.
//
// The timer and the workers run only while there is work, so an idle queue has no goroutine,
// and one that is never closed leaks none.
type Queue[T any] struct {
	opts    Options[T]
	ctx     context.Context // ends when Close gives up
	cancel  context.CancelFunc
	crowded burst[T]
	spaced  burst[T]

	mu      sync.Mutex
	arrived *turns.Queue[*Job[T]] // since the last tick
	tick    *time.Timer           // nil: nothing has arrived
	ready   *turns.Queue[*Job[T]]
	waiting *turns.Queue[*Job[T]] // for their next attempt
	workers int
	closed  bool
	drained chan struct{} // closed once closed is set and nothing is left
	counts  Stats         // Sent, Dropped and Spaced
}

// New returns an empty queue.
func New[T any](opts Options[T]) *Queue[T] {
	ctx, cancel := context.WithCancel(context.Background())
	summed := func(outcome Outcome) burst[T] {
		return burst[T]{delay: opts.Delay, report: func(n int, first T) { opts.Report(ctx, outcome, first, n, nil) }}
	}
	return &Queue[T]{
		opts: opts, ctx: ctx, cancel: cancel, crowded: summed(Crowded), spaced: summed(Spaced),
		arrived: turns.New[*Job[T]](capacity), ready: turns.New[*Job[T]](capacity), waiting: turns.New[*Job[T]](capacity),
		drained: make(chan struct{}),
	}
}

// Add adds a job. It never waits.
func (q *Queue[T]) Add(job Job[T]) {
	if !q.arrive(&job) {
		q.opts.Report(q.ctx, Dropped, job.Value, 1, errors.New("the mail queue is closed")) // the request outlived Close
	}
}

func (q *Queue[T]) arrive(job *Job[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		q.counts.Dropped++
		return false
	}
	q.push(q.arrived, job)
	if q.tick == nil {
		delay := q.opts.Delay / 2
		q.tick = time.AfterFunc(delay+rand.N(delay), q.takeOver)
	}
	return true
}

// push adds job to a queue. A full queue drops another job, or job itself; then push
// returns nil. The caller holds the lock.
func (q *Queue[T]) push(to *turns.Queue[*Job[T]], job *Job[T]) *turns.Place[*Job[T]] {
	place, refused, full := to.Push(job.Source, job)
	if full {
		q.counts.Dropped++
		refused.stopTimer()
		q.crowded.add(refused.Value)
	}
	return place
}

// stopTimer stops the timer of a job that waited. It would find that the job has left, but
// holds its memory until then.
func (j *Job[T]) stopTimer() {
	if j.timer != nil {
		j.timer.Stop()
	}
}

// takeOver makes what has arrived ready. The timer calls it.
func (q *Queue[T]) takeOver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tick = nil
	if q.closed {
		return // the workers take from arrived themselves
	}
	for job, ok := q.arrived.Pop(); ok; job, ok = q.arrived.Pop() {
		q.push(q.ready, job)
	}
	q.startWorkers(q.ready.Len())
}

// startWorkers starts a worker for each job, up to maxWorkers in all. The caller holds the
// lock.
func (q *Queue[T]) startWorkers(jobs int) {
	for ; jobs > 0 && q.workers < maxWorkers; jobs-- {
		q.workers++
		go q.work()
	}
}

func (q *Queue[T]) work() {
	for job := q.next(); job != nil; job = q.next() {
		switch err := q.attempt(job); {
		case err == nil:
			q.mu.Lock()
			q.counts.Sent++
			q.mu.Unlock()
		case errors.Is(err, ErrSkip):
		case errors.Is(err, ErrSpaced):
			q.mu.Lock()
			q.leaveOut(job)
			q.mu.Unlock()
		default:
			q.retry(job, err)
		}
	}
}

// next returns the next job, or nil when there is none and the worker must end. A closed
// queue also hands out what has just arrived, and once more what waits.
func (q *Queue[T]) next() *Job[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	job, ok := q.ready.Pop()
	if !ok && q.closed {
		job, ok = q.arrived.Pop()
	}
	if !ok && q.closed {
		if job, ok = q.waiting.Pop(); ok {
			job.stopTimer()
		}
	}
	if ok {
		return job
	}
	q.workers--
	if q.closed && q.workers == 0 {
		close(q.drained)
	}
	return nil
}

func (q *Queue[T]) attempt(job *Job[T]) error {
	if !q.opts.Now().Before(job.ValidUntil) {
		return Permanent(errors.New("it has expired"))
	}
	ctx, cancel := context.WithTimeout(q.ctx, attemptTimeout)
	defer cancel()
	return q.opts.Send(ctx, job.Value)
}

// retry schedules another attempt, after a pause that doubles each time. It gives the job
// up if another attempt is pointless or too late.
func (q *Queue[T]) retry(job *Job[T], cause error) {
	job.pause = min(max(2*job.pause, firstPause), longestPause)
	// A quarter more or less, so that what failed together is not repeated together.
	pause := job.pause*3/4 + rand.N(job.pause/2)
	var permanent *permanentError
	again := !errors.As(cause, &permanent) && q.opts.Now().Add(pause).Before(job.ValidUntil)
	q.mu.Lock()
	if again = again && !q.closed; !again {
		q.counts.Dropped++
	}
	q.mu.Unlock()
	if !again {
		q.opts.Report(q.ctx, Dropped, job.Value, 1, cause)
		return
	}
	// Report and Key read the value, so no other worker may have the job yet. If Close was called
	// meanwhile, this worker itself tries the job once more.
	q.opts.Report(q.ctx, Failed, job.Value, 1, cause)
	job.key = q.opts.Key(job.Value)
	q.mu.Lock()
	q.wait(job, pause)
	q.mu.Unlock()
}

// wait schedules job's next attempt. Only the newer one of job and another with its key
// waits. The caller holds the lock.
func (q *Queue[T]) wait(job *Job[T], pause time.Duration) {
	if job.key != "" {
		// Looking through a full queue takes tens of microseconds, an attempt that failed
		// longer.
		if other := q.waiting.Find(func(j *Job[T]) bool { return j.key == job.key }); other != nil {
			if other.Value().ValidUntil.After(job.ValidUntil) {
				q.leaveOut(job)
				return
			}
			q.waiting.Remove(other)
			other.Value().stopTimer()
			q.leaveOut(other.Value())
		}
	}
	place := q.push(q.waiting, job)
	if place == nil {
		return
	}
	job.timer = time.AfterFunc(pause, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.waiting.Remove(place) {
			q.push(q.ready, job)
			q.startWorkers(1)
		}
	})
}

// leaveOut counts a job whose mailbox gets another mail instead. The caller holds the lock.
func (q *Queue[T]) leaveOut(job *Job[T]) {
	q.counts.Spaced++
	q.spaced.add(job.Value)
}

// Stats returns the counters.
func (q *Queue[T]) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	stats := q.counts
	stats.Ready, stats.Waiting = q.arrived.Len()+q.ready.Len(), q.waiting.Len()
	return stats
}

// Close sends what is queued, tries once more what waits for its next attempt, and waits
// for the workers until ctx is done. The error says how many mails were given up. The
// caller calls it once.
func (q *Queue[T]) Close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	before := q.counts.Dropped
	q.startWorkers(q.arrived.Len() + q.ready.Len() + q.waiting.Len())
	if q.workers == 0 {
		close(q.drained)
	}
	q.mu.Unlock()
	defer q.cancel()
	var late error
	select {
	case <-q.drained:
	case <-ctx.Done():
		// Every attempt ends now, and each job is reported as given up: at once, unless a
		// mailer ignores its context.
		late = ctx.Err()
		q.cancel()
		select {
		case <-q.drained:
		case <-time.After(lastPause):
		}
	}
	q.crowded.flush(false)
	q.spaced.flush(false)
	stats := q.Stats()
	switch lost := stats.Dropped - before + uint64(stats.Ready+stats.Waiting); {
	case lost > 0 && late != nil:
		return fmt.Errorf("%d mails were given up: %w", lost, late)
	case lost > 0:
		return fmt.Errorf("%d mails were given up", lost)
	}
	return late
}
