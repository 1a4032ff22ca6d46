package kit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// maxQueuedMails bounds how many mails are ready to be sent, and again how many
	// wait for their next attempt, so that addresses which a relay puts off do not
	// take the room of others. What finds no room is dropped, which changes no answer
	// and is an event.
	maxQueuedMails = 1024
	// maxMailsOfAKind is how many mails may be queued that say the same to the same
	// address. One more takes the place of the oldest, whose link ends sooner; without
	// this bound requests for one address could fill the queue.
	maxMailsOfAKind = 2
	// mailWorkers is how many mails are under way at once, so that one relay
	// connection that hangs holds up one worker.
	mailWorkers = 4
	// mailAttemptTimeout ends an attempt whose mailer has no deadline of its own.
	mailAttemptTimeout = time.Minute
	firstMailPause     = time.Second
	longestMailPause   = 5 * time.Minute
	// lastMailPause is how long Close waits for attempts that it has cancelled.
	lastMailPause = time.Second
)

// mailJob is one mail, with what has to happen before it can be sent.
type mailJob struct {
	epoch int64 // of the user: under another one, a link of before is dead
	mail  Mail
	row   *Token // stored before the first attempt to send; nil: nothing to store
	event *Event // emitted before the first attempt; nil: none
	pause time.Duration
}

// mailQueue delivers mails outside of the requests that cause them. Workers are
// started when there is work and end when there is none, so an idle Service has no
// goroutine, and one that is never closed leaks none.
type mailQueue struct {
	svc    *Service
	ctx    context.Context // ends when close gives up
	cancel context.CancelFunc

	mu      sync.Mutex
	ready   []*mailJob
	waiting map[*mailJob]*time.Timer // for their next attempt
	pending map[mailKey]int          // of all that is ready, waiting or under way
	refused []*mailJob               // for want of room, not reported yet
	workers int
	closed  bool
	drained chan struct{} // closed once closed is set and nothing is left
	dropped int           // since close began
}

type mailKey struct {
	kind   MailKind
	userID string
	epoch  int64
	to     string
}

func (j *mailJob) key() mailKey { return mailKey{j.mail.Kind, j.mail.UserID, j.epoch, j.mail.To} }

func newMailQueue(svc *Service) *mailQueue {
	ctx, cancel := context.WithCancel(context.Background())
	return &mailQueue{svc: svc, ctx: ctx, cancel: cancel, waiting: map[*mailJob]*time.Timer{}, pending: map[mailKey]int{}, drained: make(chan struct{})}
}

// enqueue never waits, and leaves all else to the workers: a request that has
// nothing to queue must not be told apart by its time.
func (q *mailQueue) enqueue(job mailJob) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		// A request that outlives Close. There is no worker left to report it.
		q.mu.Unlock()
		q.report(&job, errors.New("the mail queue is closed"))
		q.mu.Lock()
		return
	case q.pending[job.key()] >= maxMailsOfAKind:
		q.replace(&job)
	case len(q.ready) < maxQueuedMails:
		q.pending[job.key()]++
		q.ready = append(q.ready, &job)
	case len(q.refused) < maxQueuedMails:
		q.refused = append(q.refused, &job)
	}
	q.startWorker()
}

// replace puts job in the place of the oldest that says the same and is not under way.
// It runs under the lock.
func (q *mailQueue) replace(job *mailJob) {
	for i, old := range q.ready {
		if old.key() == job.key() {
			q.ready[i] = job
			return
		}
	}
	var oldest *mailJob
	for old := range q.waiting {
		if old.key() == job.key() && (oldest == nil || old.mail.ValidUntil.Before(oldest.mail.ValidUntil)) {
			oldest = old
		}
	}
	if oldest != nil {
		q.waiting[oldest].Stop()
		delete(q.waiting, oldest)
		q.ready = append(q.ready, job)
	}
}

// startWorker runs under the lock.
func (q *mailQueue) startWorker() {
	if q.workers < mailWorkers {
		q.workers++
		go q.work()
	}
}

func (q *mailQueue) work() {
	for {
		q.mu.Lock()
		refused := q.refused
		q.refused = nil
		if len(refused) > 0 {
			q.mu.Unlock()
			for _, job := range refused {
				q.report(job, errors.New("the mail queue is full"))
			}
			continue
		}
		if len(q.ready) == 0 {
			q.workers--
			if q.closed && q.workers == 0 {
				close(q.drained)
			}
			q.mu.Unlock()
			return
		}
		job := q.ready[0]
		q.ready[0] = nil
		q.ready = q.ready[1:]
		q.mu.Unlock()
		if job.event != nil {
			q.svc.emit(q.ctx, *job.event)
			job.event = nil
		}
		if err := q.attempt(job); err != nil {
			q.retry(job, err)
		} else {
			q.mu.Lock()
			q.done(job)
			q.mu.Unlock()
		}
	}
}

// done forgets a job that was sent or given up. It runs under the lock.
func (q *mailQueue) done(job *mailJob) {
	if q.pending[job.key()]--; q.pending[job.key()] == 0 {
		delete(q.pending, job.key())
	}
}

// attempt stores the job's row if that is still to be done, and sends its mail.
func (q *mailQueue) attempt(job *mailJob) (err error) {
	if job.mail.Now = q.svc.now(); !job.mail.Now.Before(job.mail.ValidUntil) {
		return Permanent(errors.New("it is of no use any more"))
	}
	ctx, cancel := context.WithTimeout(q.ctx, mailAttemptTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, q.svc.opts.Logger, "the mailer", p)
			err = Permanent(errors.New("the mailer panicked"))
		}
	}()
	if job.row != nil {
		if err := q.svc.createToken(ctx, *job.row); err != nil {
			return err
		}
		job.row = nil
	}
	return q.svc.opts.Mailer.Send(ctx, job.mail)
}

// retry has job tried again after a pause that doubles each time, unless that is
// pointless or too late.
func (q *mailQueue) retry(job *mailJob, cause error) {
	job.pause = min(max(2*job.pause, firstMailPause), longestMailPause)
	// A quarter more or less, so that what failed together is not tried together.
	pause := job.pause*3/4 + rand.N(job.pause/2)
	var permanent *permanentError
	hopeless := errors.As(cause, &permanent) || !q.svc.now().Add(pause).Before(job.mail.ValidUntil)

	q.mu.Lock()
	if hopeless || q.closed || len(q.waiting) >= maxQueuedMails {
		q.mu.Unlock()
		q.drop(job, cause)
		return
	}
	q.waiting[job] = time.AfterFunc(pause, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if _, ok := q.waiting[job]; ok {
			delete(q.waiting, job)
			q.ready = append(q.ready, job)
			q.startWorker()
		}
	})
	q.mu.Unlock()
	q.svc.emit(q.ctx, Event{Kind: EventMailFailed, UserID: job.mail.UserID, Err: fmt.Errorf("%s mail, retrying: %w", job.mail.Kind, cause)})
}

func (q *mailQueue) drop(job *mailJob, cause error) {
	q.mu.Lock()
	q.dropped++
	q.done(job)
	q.mu.Unlock()
	q.report(job, cause)
}

func (q *mailQueue) report(job *mailJob, cause error) {
	q.svc.emit(q.ctx, Event{Kind: EventMailDropped, UserID: job.mail.UserID, Err: fmt.Errorf("%s mail, given up: %w", job.mail.Kind, cause)})
}

// close tries once more what waits for its next attempt, and waits for the workers.
func (q *mailQueue) close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	q.dropped = 0
	for job, timer := range q.waiting {
		timer.Stop()
		q.ready = append(q.ready, job)
		q.startWorker()
	}
	clear(q.waiting)
	if q.workers == 0 {
		close(q.drained)
	}
	q.mu.Unlock()
	defer q.cancel()
	var late error
	select {
	case <-q.drained:
	case <-ctx.Done():
		// Every attempt ends now, and each job is reported as given up: at once,
		// unless a mailer does not heed its context.
		late = ctx.Err()
		q.cancel()
		select {
		case <-q.drained:
		case <-time.After(lastMailPause):
		}
	}
	q.mu.Lock()
	lost := q.dropped + len(q.ready)
	q.mu.Unlock()
	switch {
	case lost > 0 && late != nil:
		return fmt.Errorf("kit: closing: %d mails were given up: %w", lost, late)
	case lost > 0:
		return fmt.Errorf("kit: closing: %d mails were given up", lost)
	}
	return late
}
