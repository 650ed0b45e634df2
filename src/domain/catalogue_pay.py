"""The aggregates of payouts, settlements, pools, rewards and the ledger."""

from domain import (
    bonus_pool,
    clawback,
    exchange_rate,
    payout,
    reconciliation,
    reward,
    reward_budget,
    reward_paying,
    settlement,
)
from domain.aggregate import Aggregate
from domain.bonus_pool_decisions import POOL
from domain.clawback import CLAWBACK
from domain.exchange_rate import EXCHANGE_RATE
from domain.payout_batch import PAYOUT_BATCH
from domain.payout_line import PAYOUT
from domain.reconciliation import JOURNAL, LEDGER_ACCOUNT
from domain.reward import REWARD
from domain.reward_budget import REWARD_BUDGET
from domain.settlement import SETTLEMENT

PAYING: tuple[Aggregate, ...] = (
    Aggregate(
        decider=PAYOUT_BATCH,
        commands=(
            payout.PrepareBatch,
            reward_paying.PrepareRewardBatch,
            payout.ApproveBatch,
            payout.InstructBatch,
            payout.SettleBatch,
            payout.VoidBatch,
        ),
        events=(
            payout.BatchPrepared,
            payout.BatchApproved,
            payout.BatchInstructed,
            payout.BatchSettled,
            payout.BatchVoided,
        ),
    ),
    Aggregate(
        decider=PAYOUT,  # calculated and approved by the batch that it is a line of
        commands=(
            payout.InstructPayment,
            payout.SettlePayment,
            payout.ReturnPayment,
            payout.VoidPayout,
        ),
        events=(
            payout.PayoutCalculated,
            payout.PayoutApproved,
            payout.PaymentInstructed,
            payout.PaymentSettled,
            payout.PaymentReturned,
            payout.PayoutVoided,
        ),
    ),
    Aggregate(
        decider=SETTLEMENT,
        commands=(),  # its events are written with the lines that they tell of
        events=(
            settlement.SettlementPosted,
            settlement.DeltaPayoutPosted,
            settlement.SettlementReleased,
        ),
    ),
    Aggregate(
        decider=CLAWBACK,
        commands=(clawback.SetClawbackLimit,),
        events=(
            clawback.ClawbackLimitSet,
            clawback.ClawbackScheduled,
            clawback.ClawbackApplied,
            clawback.ClawbackReversed,
        ),
    ),
    Aggregate(
        decider=POOL,
        commands=(
            bonus_pool.FundPool,
            bonus_pool.WithdrawFromPool,
            bonus_pool.AllocatePool,
            bonus_pool.ResettlePool,
        ),
        events=(
            bonus_pool.PoolFunded,
            bonus_pool.PoolWithdrawn,
            bonus_pool.PoolAllocated,
            bonus_pool.PoolUnallocated,
            bonus_pool.PoolResettled,
            bonus_pool.PoolSpent,
        ),
    ),
    Aggregate(
        decider=REWARD_BUDGET,
        commands=(reward_budget.SetRewardBudget,),
        events=(
            reward_budget.RewardBudgetSet,
            reward_budget.RewardBudgetCommitted,
            reward_budget.RewardBudgetReleased,
        ),
    ),
    Aggregate(
        decider=REWARD,
        commands=(
            reward.NominateReward,
            reward.ApproveReward,
            reward.RejectReward,
            reward.GrantReward,
            reward.RevokeReward,
        ),
        events=(
            reward.InstantRewardNominated,
            reward.InstantRewardApproved,
            reward.InstantRewardRejected,
            reward.InstantRewardGranted,
            reward.InstantRewardRevoked,
        ),
    ),
    Aggregate(
        decider=EXCHANGE_RATE,
        commands=(exchange_rate.FixExchangeRate,),
        events=(exchange_rate.ExchangeRateFixed,),
    ),
    Aggregate(
        decider=LEDGER_ACCOUNT,
        commands=(reconciliation.AssertBalance,),
        events=(reconciliation.BalanceAsserted,),
    ),
    Aggregate(
        decider=JOURNAL,
        commands=(reconciliation.ExportJournal,),
        events=(reconciliation.JournalExported,),
    ),
)
