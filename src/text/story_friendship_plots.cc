#include "text/story_grammar.h"

namespace anemone::text {

const std::string_view kFriendshipPlots = R"(
# --- Sharing food, and what comes back.
share_have
  <day> {hero} sat {place.at} with a bag of {treat}. {Hero.he} wanted to eat them all.
  <day> {hero.his} {adult} gave {hero.him} a bag of {treat}. {hero} took them {place.to}.
share_meet
  Then {friend} came by. {friend} was hungry and had no food. {Friend.he} looked at the {treat}.
  {friend} sat there, too. {Friend.he} looked sad. "I am so hungry," said {friend}, "and I have nothing to eat."
share_give
  {hero} looked at the {treat}. There were not many. But {hero} gave half of them to {friend}. "Here, these are for
    you," {hero.he} said. {friend} was <happy>.
  At first, {hero} did not want to share. But then {hero.he} saw the sad face of {friend}. "Come and eat with me,"
    said {hero}. They ate the {treat} together.
lack
  umbrella :: when=it rained, and {hero} had no umbrella; give=Come under my umbrella; then=walked home together under
    the umbrella
  coat :: when=it was very cold, and {hero} had no coat; give=You can have my second coat; then=played in the snow and
    were warm
  lunch :: when={hero} forgot {hero.his} lunch; give=Take half of my lunch; then=ate and laughed
  ball :: when={hero} had nothing to play with; give=Come and play with my new ball; then=kicked the ball until it was
    dark
share_back
  The next day, {lack.when}. {friend} saw it. "{lack.give}," said {friend}. "You shared with me, and now I share with
    you." The two friends {lack.then}.
  Some days later, {lack.when}. Then {friend} came. "{lack.give}," {friend.he} said with a smile. They {lack.then}.
    <learned> when you share, you get something back.

# --- A new child has no friends yet.
new_see
  <day> a new {friend.kind} came to the {place}. {Friend.his} name was {friend}. {friend} sat alone and did not play.
  <day> {hero} saw a {friend.kind} who sat all alone {place.at}. It was {friend}, who was new in the town.
new_ask
  {hero} went up to {friend.him}. "Hello, I am {hero}," said {hero}. "Do you want to play?" {friend} looked down. "I
    do not know how to play {game}," {friend.he} said.
  "Why are you alone?" asked {hero}. "I have no friends here," said {friend} in a small voice. "Then I will be your
    friend," said {hero}. "Let us play {game}."
new_play
  "I will show you how to play {game}," said {hero}. {friend} tried it, and soon {friend.he} began to smile. They
    played all afternoon.
  {hero} took {friend} by the hand, and they ran to the other children. All of them played {game}. {friend} laughed
    and laughed.
new_end
  "Thank you for asking me," said {friend}. <since> {hero} and {friend} were best friends.
  When it was time to go home, {friend} asked, "Can we play again tomorrow?" "Yes!" said {hero}. <since> {friend} was
    not alone anymore.
  {friend} gave {hero} a {color} flower. "You are my first friend here," {friend.he} said. {hero} was <happy>.
    <learned> a kind word can make a friend.

# --- Rain, and company in the dry.
shelter
  old barn :: in=in the old barn
  small cave :: in=in the small cave
  little hut :: in=in the little hut
  big hollow tree :: in=in the big hollow tree
rain_walk
  <day> {hero} went for a walk {place.at}. The sun was warm. But then big gray clouds came, and it began to rain.
  <day> {hero} wanted to walk to the house of {friend}. On the way, the sky got dark. Boom! There was loud thunder,
    and rain came down.
rain_shelter
  {hero} was wet and cold. {Hero.he} ran and ran. Then {hero.he} saw a {shelter} and went in.
  "I must find a dry place," said {hero}. {Hero.he} looked around and saw a {shelter}. {Hero.he} ran inside.
rain_meet
  A little {beast} was there. It was wet and scared. "Do not be afraid," said {hero}. {Hero.he} sat down next to the
    {beast}, and soon they were both warm.
  There was a small {beast} {shelter.in}. It was hungry. {hero} had {beast.food} in {hero.his} bag and gave it to the
    {beast}. The {beast} was happy and {beast.call}.
rain_end
  When the rain stopped, there was a big rainbow in the sky. {hero} and the {beast} looked at it together. {Hero.he}
    said goodbye to {hero.his} new friend. <went_home>
  At last, the rain stopped, and the sun came out. The {beast} {beast.moved} home with {hero}. <since> the {beast}
    came to see {hero} every day.
  Then the rain was over. "Goodbye, little {beast}," said {hero}. "I was not alone, and you were not alone."
    <went_home>

# --- A present made by hand.
gift
  necklace :: from=pretty shells; where=at the beach; how=put the shells on a string; last={friend.he} put it on right
    away
  flower crown :: from=many flowers; where=in the field; how=tied the flowers together; last={friend.he} put it on
    {friend.his} head
  little boat :: from=some wood; where=in the forest; how=cut the wood and gave it a white sail; last={friend.he}
    sailed it on the pond
  picture book :: from=colorful leaves; where=in the park; how=put the leaves into a little book; last={friend.he}
    looked at every page
  bird house :: from=some old wood; where=in the barn; how=made four walls and a red roof; last=soon a bird lived in
    it
gift_birthday
  <day> it was almost the birthday of {friend}. {hero} wanted to give {friend.him} something, but {hero.he} had no
    money.
  "Tomorrow is my birthday," said {friend}. "Please come!" {hero} was happy, but then {hero.he} thought, "I have no
    gift for {friend}."
gift_idea
  "What can I do?" {hero.he} asked {hero.his} {adult}. "You can make a gift with your own hands," said {adult.name}.
  {hero} thought and thought. Then {hero.he} had an idea. "I will make a {gift}!" {hero.he} said.
gift_make
  So {hero} found {gift.from} {gift.where}. {Hero.he} {gift.how}. It took all day. At last, the {gift} was ready.
  {Hero.he} looked for {gift.from} {gift.where}. Then {hero.he} {gift.how}. The first one broke, but {hero} tried
    again, and the {gift} was very pretty.
gift_give
  On the birthday, {hero} gave the {gift} to {friend}. "You made it for me?" asked {friend}. "It is the best gift of
    all!" {friend} was <happy>, and {gift.last}.
  {friend} opened the box and saw the {gift}. "Thank you, {hero}!" {friend.he} said. {Gift.last}. <learned> the best
    gifts come from the heart.

# --- A hurt animal gets well and goes free.
hurt_find
  <day> {hero} was {place.at} and heard a small sound. {Hero.he} looked {spot}. There was a little {beast}. Its
    {beast.part} was hurt.
  <day> {hero} found a {beast} {spot}. It could not move, because its {beast.part} was hurt. "Poor little {beast},"
    said {hero}.
hurt_home
  {hero} took the {beast} home. {Hero.his} {adult} helped {hero.him} to clean the {beast.part}. They made a soft bed
    in a box.
  "I will help you," said {hero}. {Hero.he} carried the {beast} home. "Can we keep it until it is well?" {hero.he}
    asked. "Yes," said {hero.his} {adult}.
hurt_heal
  Every day, {hero} gave the {beast} {beast.food} and some water. Soon its {beast.part} got better.
  {hero} sat by the box every day. {Hero.he} gave the {beast} {beast.food}. One morning, the {beast} {beast.call} and
    stood up. It was well again!
hurt_end
  "Now you can go home," said {hero}. The {beast} {beast.moved} away. {hero} was a little sad, but the next day the
    {beast} came back to say hello. They were friends.
  {hero} wanted to keep the {beast}, but {hero.he} knew that it had to be free. {Hero.he} let it go {place.at}. The
    {beast} looked back one time, and then it {beast.moved} away. {hero} felt <happy>.
  The {beast} {beast.moved} away to its family. Some days later, {hero} got lost {place.at}. Then the {beast} came and
    showed {hero.him} the way home. <learned> when you are kind, others are kind to you.

# --- A race, and a proud runner.
goal
  old tree
  red barn
  bridge
  big rock
race_proud
  {Hero.his} friend {friend} was proud. "I am the fastest of all," said {friend} every day. "Nobody can beat me."
  {friend} had new shoes. "With my new shoes, I can run faster than you, {hero}," {friend.he} said and laughed.
race_start
  <day> they had a race to the {goal}. One, two, three, go! {friend} ran very fast, and soon {friend.he} was far away.
    {hero} ran as well as {hero.he} could.
  "Let us race to the {goal}," said {hero}. All the children came to watch. {friend} was fast, and {hero} was far
    behind.
race_turn
  <race_fall> <race_fall_end>
  <race_nap> <race_nap_end>
race_fall
  But {friend} did not look at the road. {Friend.he} fell over a stone and hurt {friend.his} knee. {hero} could win
    now! But {hero} stopped. "Are you okay?" {hero.he} asked and helped {friend} up.
  Then {friend} fell into the mud and began to cry. The other children ran on, but {hero} stopped. "Take my hand,"
    said {hero}. {Hero.he} did not think of the race anymore.
race_fall_end
  "Thank you, {hero}," said {friend}. "I am sorry that I was so proud." They walked to the {goal} together, hand in
    hand, and they were both happy.
  They were the last at the {goal}, but everyone clapped. "You are the best of all, {hero}," said {friend}. <learned>
    a friend is more than a race.
race_nap
  {friend} looked back and laughed. "I have time for a nap," {friend.he} said. {Friend.he} lay down {spot} and fell
    asleep. {hero} did not stop. {Hero.he} ran and ran, and {hero} was the first at the {goal}.
  On the way, {friend} saw a tree with sweet (plums|apples|pears). "I have a lot of time," {friend.he} said and began to
    eat. {hero} did not stop. When {friend} came to the {goal}, {hero} was already there.
race_nap_end
  "I was too proud," said {friend}. "You are a good runner and a good friend." <since> they did not race, but ran
    together every day.
  {friend} was <sad>. "You can win the next time," said {hero}, "but do not stop on the way." They both laughed and
    went home together.

# --- A baby animal has lost its mother.
baby_find
  <day> {hero} saw a baby {baby} {place.at}. It cried and cried. "I cannot find my mother," said the baby {baby}.
  <day> a baby {baby} came to {hero}. "I am lost," it said in a small voice. "Where is my mother?"
witness
  cow :: place=in the barn
  old owl :: place=near the river
  white horse :: place=behind the hill
  pig :: place=by the pond
witness_a
  sheep
  hen
  goat
baby_ask
  "I will help you," said {hero}. They asked a {witness_a}. "No, I did not see her," said the {witness_a}. Then they
    asked a {witness}. "Yes," said the {witness}. "She is {witness.place}."
  {hero} took the little one along. First they met a {witness_a}, but the {witness_a} did not know. Then they met a
    {witness}. "A big {baby} is {witness.place}," said the {witness}, "and she is looking for her baby."
baby_mother
  They went there, and {witness.place} was the mother! The baby {baby.moved} to her as fast as it could.
  So they went on. And there, {witness.place}, was a big {baby}. "Mother!" shouted the baby {baby}.
baby_end
  "Thank you for bringing my baby home," said the mother. {hero} was <happy>. <went_home>
  The mother hugged her baby. "You are very kind, {hero}," she said. <learned> it feels good to help.
  The baby {baby} was happy again. "Thank you, {hero}," it said. At home, {hero} gave {hero.his} {adult} a big hug.

# --- A map and what lies at its end.
inside
  gold coins :: then=bought a new swing for all the children
  old toys :: then=cleaned the toys and gave them to the other children
  pretty stones :: then=shared the stones, one for you and one for me
  picture books :: then=sat down and read the books together
  an old letter :: then=read, "The best treasure is a friend," and they laughed
barrier
  a river :: over=put a log over the river and walked on it
  a high wall :: over=found a small hole in the wall and went through
  a dark cave :: over=held hands and sang a song until they were out
  a muddy field :: over=jumped from stone to stone
  an angry goose :: over=gave the goose some bread, and it let them go
map_find
  <day> {hero} found an old map in a book. There was a red cross on it. {Hero.he} ran to {friend}. "Let us find the
    treasure!" {hero.he} said.
  <day> {hero} and {friend} played {place.at}. {friend} found an old map {spot}. "It shows the way to a treasure!"
    {friend.he} said.
map_way
  They walked for a long time. Then they came to {barrier}. "What now?" asked {friend}. {hero} had an idea. They
    {barrier.over}.
  The map showed the way to the {goal}. But first there was {barrier}. "I am scared," said {friend}. "We can do it,"
    said {hero}. So they {barrier.over}.
map_box
  At the {goal}, they dug a deep hole. There was a box! In the box, they found <inside_what>
  They came to the {goal} and began to dig. Soon they found a box and opened it. In it, they saw <inside_what>
inside_what
  {inside}. The two friends {inside.then}.
map_end
  It was the best day of all. <went_home>
  "I am glad that you were with me," said {hero}. "Me, too," said {friend}. And they went home, tired but happy.
  <learned> everything is more fun with a friend.

# --- Too heavy for one.
heavy
  pumpkin :: from=out of the ground; then=made a big pot of soup, and everyone ate
  log :: from=off the road; then=sat on the log and sang a song
  cart :: from=out of the mud; then=got into the cart and had a ride
  rock :: from=off the path; then=climbed up on the rock and looked around
  boat :: from=out of the sand; then=went for a ride on the water
heavy_find
  <day> {hero} saw a big {heavy} {place.at}. {Hero.he} wanted to pull it {heavy.from}.
  <day> {hero} was {place.at}. There was a big, heavy {heavy}. "I can pull it {heavy.from}," said {hero}.
heavy_pull
  {hero} pulled and pulled, but the {heavy} did not move. "It is too heavy for me," {hero.he} said. Then {friend}
    came, and they pulled together. It still did not move.
  {Hero.he} pulled with all {hero.his} might. Nothing! {hero} called {friend}. {friend} pulled, too, but the {heavy}
    was too heavy for two.
heavy_friends
  A little {beast} came by. "May I help?" asked the {beast}. "You are very small," said {friend}. "But you can try,"
    said {hero}. So all three pulled. And out it came!
  A small {beast} saw them. "I will help you," it said. They all laughed, because the {beast} was so small. But they
    pulled together, one, two, three, and the {heavy} moved!
heavy_end
  "Thank you, little {beast}," said {hero}. Then they {heavy.then}. <learned> even a small friend can be a big help.
  They all cheered. {hero} thanked {friend} and the {beast}. Then they {heavy.then}. Together, they could do anything.

# --- Two friends and one toy.
fight_toy
  <day> {hero} and {friend} played {place.at}. There was only one {toy}. "It is mine!" said {hero}. "No, it is mine!"
    said {friend}.
  <day> {friend} came to play. {hero} had a new {toy}. "May I play with it?" asked {friend}. "No," said {hero}. "It is
    my {toy}."
fight_tear
  They both pulled at the {toy}. They pulled and pulled, and then, oh no! The {toy} broke.
  {friend} took the {toy}, and {hero} pulled it back. Oh no! Now the {toy} was broken, and both of them began to cry.
fight_sorry
  They were quiet for a long time. Then {hero} said, "I am sorry, {friend}. I was not nice." "I am sorry, too," said
    {friend}.
  {friend} went home. {hero} sat alone and was <sad>. "A toy is no fun without a friend," {hero.he} thought. {Hero.he}
    went to {friend} and said, "I am sorry." "Me, too," said {friend}.
fight_end
  {Hero.his} {adult} helped them to mend the {toy}. <since> they took turns, and nobody had to cry.
  Together, they mended the {toy} with glue and tape. It was not as pretty as before, but they liked it even more.
    <learned> it is better to share than to fight.
)";

}  // namespace anemone::text
