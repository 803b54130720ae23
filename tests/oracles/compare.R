#!/usr/bin/env Rscript
# SPDX-License-Identifier: GPL-2.0
# compare.R FILE - numbers.c's figures against packages that share no code with us. One line a
# comparison, "ok NAME: the largest difference, its tolerance" or "not ok NAME: ...".
suppressPackageStartupMessages({
	library(jsonlite)
	library(strucchange)
	library(sandwich)
	library(survival)
	library(spc)
	library(boot)
})

ours <- fromJSON(commandArgs(TRUE)[1], simplifyVector = FALSE)
nums <- function(l) vapply(l, function(v) if (is.null(v)) NA_real_ else as.numeric(v), 0)
failed <- 0

# say(NAME, DIFFERENCES, TOLERANCE, WHAT): differences already in the unit of the tolerance
say <- function(name, d, tolerance, what) {
	good <- length(d) > 0 && all(is.finite(d)) && max(abs(d)) <= tolerance
	if (!good) failed <<- failed + 1
	cat(sprintf("%s %s: at most %.3g apart, %.3g allowed (%s; %d values)\n",
		if (good) "ok" else "not ok", name, if (length(d)) max(abs(d)) else NA, tolerance,
		what, length(d)))
}
over <- function(cases, f) unlist(lapply(cases, f))

# Bai and Perron's exact segmentation for every number of breaks; the penalised best of them.
# strucchange warns where the dates of different numbers of breaks do not nest: they need not.
say("PELT dates", suppressWarnings(over(ours$pelt, function(p) {
	x <- nums(p$x)
	bp <- breakpoints(x ~ 1, h = p$least, breaks = 8)
	cost <- summary(bp)$RSS["RSS", ]
	best <- which.min(cost + p$penalty * (seq_along(cost) - 1)) - 1
	dates <- if (best) breakpoints(bp, breaks = best)$breakpoints else numeric()
	at <- nums(p$at)
	if (length(at) != length(dates)) return(Inf)
	c(0, at - dates) # 0: as many, where there are none
})), 0, "days, strucchange::breakpoints")

nw <- lapply(ours$newey_west, function(p) {
	y <- nums(p$y)
	t <- seq_along(y) - 1 - 140
	m <- lm(y ~ t + (t >= 0) + pmax(t, 0))
	lag <- if (p$lag) p$lag else floor(4 * (length(y) / 100)^(2 / 9))
	se <- sqrt(diag(NeweyWest(m, lag = lag, prewhite = TRUE, adjust = TRUE)))
	list(beta = nums(p$beta) - unname(coef(m)), se = nums(p$se) / unname(se) - 1)
})
say("regression", over(nw, function(r) r$beta), 1e-8, "absolute, lm")
say("Newey-West errors", over(nw, function(r) r$se), 1e-8, "relative, sandwich::NeweyWest")

# Page's other form: how far the sum of news has fallen from its highest so far.
cusum <- lapply(ours$cusum, function(p) {
	y <- nums(p$y)
	base <- y[seq_len(p$baseline)]
	mu <- mean(base, na.rm = TRUE)
	pair <- na.omit(data.frame(now = base[-1] - mu, last = base[-length(base)] - mu))
	phi <- unname(coef(lm(now ~ last + 0, pair)))
	phi <- phi + (1 + 4 * phi) / nrow(pair)
	news <- function(y, sigma) {
		day <- which(!is.na(y))
		gap <- diff(day)
		z <- y[day] - mu
		e <- (z[-1] - phi^gap * z[-length(z)]) /
			(sigma * sqrt((1 - phi^(2 * gap)) / (1 - phi^2)))
		list(day = day, first = z[1] * sqrt(1 - phi^2) / sigma, z = e)
	}
	sigma <- sd(news(base, 1)$z)
	w <- news(y[-seq_len(p$baseline)], sigma)
	s <- cumsum(-c(w$first, w$z) - p$k)
	c <- s - cummin(pmin(c(0, s), 0))[-1]
	alarm <- which(c > p$h)
	alarm <- if (length(alarm)) w$day[alarm[1]] - 1 else -1
	list(fit = c(p$mu - mu, p$phi - phi, p$sigma - sigma), path = c(p$now - tail(c, 1),
		p$highest - max(c, 0)), alarm = p$alarm - alarm)
})
say("AR(1) of the baseline", over(cusum, function(r) r$fit), 1e-9, "absolute, lm")
say("CUSUM", over(cusum, function(r) r$path), 1e-6, "standard deviations, cumsum - cummin")
say("CUSUM dates", over(cusum, function(r) r$alarm), 0, "days")

say("CUSUM run lengths", over(ours$run_length, function(p)
	(p$mean - xcusum.arl(p$k, p$h, p$shift)) / p$se), 4, "standard errors, spc::xcusum.arl")

# The midpoint split is the mean over both orders of changing one factor, then the other.
shapley <- function(p) {
	s0 <- p$a0 / p$t0
	s1 <- p$a1 / p$t1
	scale <- ((p$t1 - p$t0) * s0 + (p$t1 - p$t0) * s1) / 2
	share <- (p$t1 * (s1 - s0) + p$t0 * (s1 - s0)) / 2
	c(p$scale - scale, p$share - share, p$scale + p$share - p$change)
}
say("midpoint split", over(ours$split, shapley), 1, "ns of up to 1e9, mean of both orders")
# LMDI is another rule. For changes x of ln T and y of ln(A/T) the two differ by x·y·(y - x)/12 of the
# geometric mean of A, and by terms of fifth order.
lmdi <- function(p) {
	x <- log(p$t1 / p$t0)
	y <- log(p$a1 / p$t1 / (p$a0 / p$t0))
	w <- if (p$a1 == p$a0) p$a0 else (p$a1 - p$a0) / log(p$a1 / p$a0)
	if (max(abs(x), abs(y)) > 0.5) NULL
	else (p$scale - w * x) / sqrt(as.numeric(p$a0) * p$a1) - x * y * (y - x) / 12
}
say("split by LMDI", over(ours$split, lmdi), 0.001, "of A, its known difference taken off")

waits <- lapply(ours$waits, function(p) {
	hours <- vapply(p$waits, function(w) as.numeric(w$hours), 0)
	granted <- vapply(p$waits, function(w) w$granted, TRUE)
	late <- hours > p$horizon
	hours[late] <- p$horizon
	fit <- survfit(Surv(hours, granted & !late) ~ 1)
	t <- summary(fit, rmean = p$horizon)$table
	at <- summary(fit, times = p$horizon, extend = TRUE)$surv
	# where the curve lies flat at one half, survfit takes the middle and we its beginning
	flat <- fit$time[which(abs(fit$surv - 0.5) < 1e-9)[1]]
	median <- if (!is.na(flat)) flat else t[["median"]]
	list(value = c(p$success - (1 - at), (p$rmst - t[["rmean"]]) / t[["rmean"]],
		p$se / t[["se(rmean)"]] - 1),
		median = p$median - (if (is.na(median)) -1 else median))
})
say("Kaplan-Meier, mean wait, its error", over(waits, function(r) r$value), 1e-9,
	"relative, survival::survfit")
say("median wait", over(waits, function(r) r$median), 1e-9, "hours, survival::survfit")

set.seed(1)
say("block bootstrap", over(ours$blocks, function(p) {
	x <- nums(p$x)
	i <- seq_len(p$first)
	draw <- function(x) tsboot(x, mean, R = 10000, l = p$block, sim = "fixed")$t
	ends <- quantile(draw(x[-i]) - draw(x[i]), c(0.025, 0.975))
	(c(p$low, p$high) - ends) / diff(ends)
}), 0.04, "of the interval's width, boot::tsboot")

say("randomisation p", over(ours$drill, function(p) {
	x <- c(nums(p$on), nums(p$off))
	k <- length(p$on)
	all <- combn(length(x), k, function(i) mean(x[i]) - mean(x[-i]))
	exact <- mean(abs(all) >= abs(mean(x[1:k]) - mean(x[-(1:k)])) - 1e-12)
	(p$p - exact) / sqrt(exact * (1 - exact) / 5000 + 1 / 5000^2)
}), 4, "standard errors, every assignment")

quit(status = if (failed) 1 else 0)
