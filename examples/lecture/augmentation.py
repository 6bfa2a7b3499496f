# 딥러닝의 규제: 데이터 증대
#
#     pyconvnet run examples/lecture/augmentation.py
#
# The cells as they are printed. Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was
# changed; "# NOT PRINTED:" marks what the text leaves to the reader.

# %% [markdown]
# ## 5. 딥러닝의 규제 - 데이터 증대

# %%
import numpy as np
from tensorflow.keras.datasets import cifar10
from tensorflow.keras.preprocessing.image import ImageDataGenerator
import matplotlib.pyplot as plt

# CIFAR-10의 클래스 이름
class_names = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog',
               'frog', 'horse', 'ship', 'truck']

# CIFAR-10 데이터 셋을 읽고 앞에서 12개에 대해서만 데이터 증대를 적용
(x_train, y_train), (x_test, y_test) = cifar10.load_data()
x_train = x_train.astype(np.float32)/255.0
x_train = x_train[0:12,]
y_train = y_train[0:12,]

# %%
# ERRATUM: the labels have the shape (n, 1), and NumPy makes no number of a row: [i, 0] instead of [i].
# 증대할 영상 그리기
plt.figure(figsize=(16,2))
plt.suptitle('First 12 images in the train set')
for i in range(12):
    plt.subplot(1, 12, i+1)
    plt.imshow(x_train[i])
    plt.xticks([]); plt.yticks([])
    plt.title(class_names[int(y_train[i, 0])])

# %%
# 영상 증대기 생성
gen_size = 6    # 한번에 생성하는 양
generator = ImageDataGenerator(rotation_range=30.0, width_shift_range=0.2,
                               height_shift_range=0.2, horizontal_flip=True)
gen = generator.flow(x_train, y_train, batch_size=gen_size)

# %%
# ERRATUM: the labels have the shape (n, 1), and NumPy makes no number of a row: [i, 0] instead of [i].
# 첫번째 증대하고 그리기
img, label = gen.next()
plt.figure(figsize=(16,3))
plt.suptitle('Generator trial 1')
for i in range(gen_size):
    plt.subplot(1, gen_size, i+1)
    plt.imshow(img[i])
    plt.xticks([]); plt.yticks([])
    plt.title(class_names[int(label[i, 0])])

# %%
# ERRATUM: the labels have the shape (n, 1), and NumPy makes no number of a row: [i, 0] instead of [i].
# 두번째 증대하고 그리기
img, label = gen.next()
plt.figure(figsize=(16,3))
plt.suptitle('Generator trial 2')
for i in range(gen_size):
    plt.subplot(1, gen_size, i+1)
    plt.imshow(img[i])
    plt.xticks([]); plt.yticks([])
    plt.title(class_names[int(label[i, 0])])
