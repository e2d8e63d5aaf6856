#include "simulations/main.h"

#include "balanced.h"
#include "clipped_shares.h"
#include "fedavg_by_hand.h"
#include "lamp.h"

int main(int argc, char** argv) {
  coppice::Extensions extensions;
  extensions.add<FedAvgByHand>("fedavg_by_hand").add<Lamp>("lamp").add<ClippedShares>("clipped_shares").add<Balanced>("balanced");
  return coppice::main(argc, argv, std::move(extensions));
}
